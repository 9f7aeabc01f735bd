/* SPDX-License-Identifier: Apache-2.0 */
/* Division and remainder by numbers that are known only at run. */
#include "bench.h"

BENCH(divmod, 520)
{
	u64 sum = 0, x = LOAD64(p);

	ROLLED for (u32 i = 0; i < 512; i += 8) {
		u64 d = LOAD64(p + 8 + i);
		u32 e = (u32)d | 3;

		x += sum;
		sum += x / (d >> 40 | 1);
		sum ^= x % (d >> 24 | 1);
		sum += (u32)x / e;
	}
	return fold(sum);
}
