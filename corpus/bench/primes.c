/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the primes among 24 numbers of the packet by trial division. */
#include "bench.h"

BENCH(primes, 48)
{
	u32 found = 0;

	ROLLED for (u32 i = 0; i < 24; i++) {
		u32 n = (LOAD16(p + 2 * i) & 0x3ff) | 1, prime = n > 1;

		ROLLED for (u32 d = 3; d < 32; d += 2) {
			if (d * d > n)
				break;
			if (n % d == 0) {
				prime = 0;
				break;
			}
		}
		KEEP(prime);
		found = found * 2 + prime;
	}
	return found;
}
