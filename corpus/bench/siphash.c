/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 (Aumasson and Bernstein, 2012) of 256 bytes, key from the packet. */
#include "bench.h"

#define ROT(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define ROUND                                                              \
	do {                                                               \
		v0 += v1, v1 = ROT(v1, 13), v1 ^= v0, v0 = ROT(v0, 32);    \
		v2 += v3, v3 = ROT(v3, 16), v3 ^= v2;                      \
		v0 += v3, v3 = ROT(v3, 21), v3 ^= v0;                      \
		v2 += v1, v1 = ROT(v1, 17), v1 ^= v2, v2 = ROT(v2, 32);    \
	} while (0)

BENCH(siphash, 272)
{
	u64 k0 = LOAD64(p), k1 = LOAD64(p + 8);
	u64 v0 = k0 ^ 0x736f6d6570736575ull, v1 = k1 ^ 0x646f72616e646f6dull;
	u64 v2 = k0 ^ 0x6c7967656e657261ull, v3 = k1 ^ 0x7465646279746573ull;

	ROLLED for (u32 i = 0; i < 256; i += 8) {
		u64 m = LOAD64(p + 16 + i);

		v3 ^= m;
		ROUND;
		ROUND;
		v0 ^= m;
	}
	v3 ^= 256ull << 56;
	ROUND;
	ROUND;
	v0 ^= 256ull << 56;
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	return fold(v0 ^ v1 ^ v2 ^ v3);
}
