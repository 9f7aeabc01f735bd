/* SPDX-License-Identifier: Apache-2.0 */
/* Stack memory: prefix sums over 32 words, forwards and backwards. */
#include "bench.h"

BENCH(stack, 256)
{
	u64 v[32];

	ROLLED for (u32 i = 0; i < 32; i++)
		v[i] = LOAD64(p + 8 * i);
	ROLLED for (u32 round = 0; round < 8; round++) {
		ROLLED for (u32 i = 1; i < 32; i++)
			v[i] += v[i - 1] >> 1;
		ROLLED for (u32 i = 31; i > 0; i--)
			v[i - 1] ^= v[i];
	}
	return fold(v[0] + v[31]);
}
