/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts 32 keys in the packet, by exchanging neighbours without a branch. */
#include "bench.h"

BENCH(sort, 1280)
{
	u32 *key = (u32 *)(p + 1152), sum = 0;

	ROLLED for (u32 last = 31; last > 0; last--) {
		ROLLED for (u32 i = 0; i < last; i++) {
			u64 x = key[i], y = key[i + 1], move = (x - y) & ~((s64)(x - y) >> 63);

			key[i] = (u32)(x - move); /* all of x - y where that is not negative */
			key[i + 1] = (u32)(y + move);
		}
	}
	ROLLED for (u32 i = 0; i < 32; i++)
		sum = sum * 31 + key[i];
	return sum;
}
