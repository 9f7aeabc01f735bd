/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic read-modify-write of a word on the stack. */
#include "bench.h"

BENCH(atomics, 512)
{
	u64 counter = 0, seen = 0;
	u32 bits = 0;

	ROLLED for (u32 i = 0; i < 512; i += 8) {
		u64 x = LOAD64(p + i);

		__sync_fetch_and_add(&counter, x);
		seen += __sync_fetch_and_xor(&counter, x >> 3);
		__sync_fetch_and_or(&bits, (u32)x & 0x11111111);
	}
	return fold(counter + seen) ^ bits;
}
