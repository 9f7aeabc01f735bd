/* SPDX-License-Identifier: Apache-2.0 */
/* Writes 24 numbers in decimal digits: divisions by a constant. */
#include "bench.h"

BENCH(decimal, 1280)
{
	u32 sum = 0;

	ROLLED for (u32 i = 0; i < 24; i++) {
		u32 n = LOAD32(p + 1152 + 4 * i);

		ROLLED for (u32 digit = 0; digit < 10; digit++) {
			sum = sum * 7 + n % 10;
			n /= 10;
		}
	}
	return sum;
}
