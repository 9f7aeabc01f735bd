/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit arithmetic without memory: the mixing rounds of a Jenkins hash. */
#include "bench.h"

#define ROT(x, n) ((x) << (n) | (x) >> (32 - (n)))

BENCH(alu32, 12)
{
	u32 a = LOAD32(p), b = LOAD32(p + 4), c = LOAD32(p + 8);

	ROLLED for (u32 i = 0; i < 300; i++) {
		a -= c;
		a ^= ROT(c, 4);
		c += b;
		b -= a;
		b ^= ROT(a, 6);
		a += c;
		c -= b;
		c ^= ROT(b, 8);
		b += a + i;
	}
	return a ^ b ^ c;
}
