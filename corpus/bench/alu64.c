/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit arithmetic without memory: a multiply-xorshift generator. */
#include "bench.h"

BENCH(alu64, 16)
{
	u64 x = LOAD64(p) | 1, y = LOAD64(p + 8), sum = 0;

	ROLLED for (u32 i = 0; i < 500; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		y = y * 0x2545f491u + x;
		sum += y ^ i;
	}
	return fold(sum);
}
