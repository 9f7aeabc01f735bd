/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for two bytes, which the packet names, in a text of 512. */
#include "bench.h"

BENCH(strscan, 1152)
{
	u8 a = p[6], b = p[7];
	u32 at = 0;

	ROLLED for (; at < 511; at++) {
		if (p[512 + at] == a && p[513 + at] == b)
			break;
	}
	return at;
}
