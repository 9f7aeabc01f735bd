/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Longest prefixes of 40 addresses in a binary trie of 63 nodes on the stack:
 * two children and a value a node, as a routing table is walked bit by bit.
 */
#include "bench.h"

BENCH(lpm, 1514)
{
	u8 node[64];
	u32 sum = LOAD32(p + 8);

	ROLLED for (u32 i = 0; i < 64; i++)
		node[i] = p[1032 + i] & 0x83; /* 1, 2: has children; 0x80: has a route */
	node[1] = 0x83;
	ROLLED for (u32 i = 0; i < 40; i++) {
		u32 addr = LOAD32(p + 1100 + 4 * i), at = 1, best = 0;

		ROLLED for (u32 depth = 0; depth < 5; depth++) {
			u32 bit = addr >> 31, here = node[at & 63];

			if (here & 0x80)
				best = at;
			if (!(here & (1 + bit)))
				break;
			at = at * 2 + bit;
			addr <<= 1;
		}
		sum = sum * 5 + best;
	}
	return sum;
}
