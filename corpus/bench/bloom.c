/* SPDX-License-Identifier: Apache-2.0 */
/* A Bloom filter of 512 bits on the stack: 48 words go in, 96 are looked up. */
#include "bench.h"

INLINE u32 spread(u32 x, u32 by)
{
	x *= by;
	return (x ^ x >> 15) & 511;
}

BENCH(bloom, 1514)
{
	u64 bits[8] = { 0 };
	u32 found = 0;

	ROLLED for (u32 i = 0; i < 48; i++) {
		u32 x = LOAD32(p + 1032 + 4 * i), a = spread(x, 0x9e3779b1), b = spread(x, 0x85ebca6b);

		bits[a >> 6] |= 1ull << (a & 63);
		bits[b >> 6] |= 1ull << (b & 63);
	}
	ROLLED for (u32 i = 0; i < 96; i++) {
		u32 x = LOAD32(p + 1032 + 4 * i), a = spread(x, 0x9e3779b1), b = spread(x, 0x85ebca6b);

		found = found * 3 + ((bits[a >> 6] >> (a & 63)) & (bits[b >> 6] >> (b & 63)) & 1);
	}
	return found;
}
