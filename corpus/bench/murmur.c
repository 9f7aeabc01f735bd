/* SPDX-License-Identifier: Apache-2.0 */
/* MurmurHash3 (Appleby, public domain), 32 bits, of 512 bytes. */
#include "bench.h"

#define ROT(x, n) ((x) << (n) | (x) >> (32 - (n)))

BENCH(murmur, 516)
{
	u32 h = LOAD32(p);

	ROLLED for (u32 i = 0; i < 512; i += 4) {
		u32 k = LOAD32(p + 4 + i) * 0xcc9e2d51;

		k = ROT(k, 15) * 0x1b873593;
		h ^= k;
		h = ROT(h, 13) * 5 + 0xe6546b64;
	}
	h ^= 512;
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}
