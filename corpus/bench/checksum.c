/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071) over 1480 bytes, 16 bits at a time. */
#include "bench.h"

BENCH(checksum, 1500)
{
	u32 sum = 0;

	ROLLED for (u32 i = 0; i < 1480; i += 2) {
		sum += LOAD16(p + 20 + i);
		KEEP(sum); /* one after the other, as a checksum over odd places has to */
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}
