/* SPDX-License-Identifier: Apache-2.0 */
/* Copies 1 KiB within the packet word by word, and compares it after. */
#include "bench.h"

BENCH(memcopy, 1152)
{
	u64 differ = 0;

	ROLLED for (u32 i = 0; i < 1024; i += 8)
		*(u64 *)(p + 128 + i) = LOAD64(p + i % 128);
	ROLLED for (u32 i = 0; i < 1024; i += 8)
		differ |= LOAD64(p + 128 + i) - LOAD64(p + i % 128);
	return fold(differ + LOAD64(p + 1144));
}
