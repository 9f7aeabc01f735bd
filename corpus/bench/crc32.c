/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 (IEEE 802.3) of 128 bytes, half a byte at a time, table on the stack. */
#include "bench.h"

BENCH(crc32, 1280)
{
	u32 table[16], crc = ~0u;

	ROLLED for (u32 i = 0; i < 16; i++) {
		u32 x = i;

		ROLLED for (u32 bit = 0; bit < 4; bit++)
			x = x & 1 ? x >> 1 ^ 0xedb88320 : x >> 1;
		table[i] = x;
	}
	ROLLED for (u32 i = 0; i < 128; i++) {
		crc ^= p[1152 + i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
