/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes 192 bytes of the packet in base64 (RFC 4648), without a table. */
#include "bench.h"

/* letter maps 0..63 to A-Z a-z 0-9 + / by its borders. */
INLINE u8 letter(u32 x)
{
	u32 c = x + 'A';

	if (x > 25)
		c += 6;
	if (x > 51)
		c -= 75;
	if (x > 61)
		c -= 15;
	if (x > 62)
		c += 3;
	return (u8)c;
}

BENCH(base64, 512)
{
	u32 digest = 0;

	ROLLED for (u32 i = 0; i < 64; i++) {
		u8 *in = p + 3 * i, *out = p + 256 + 4 * i;
		u32 x = (u32)in[0] << 16 | (u32)in[1] << 8 | in[2];

		out[0] = letter(x >> 18);
		out[1] = letter(x >> 12 & 63);
		out[2] = letter(x >> 6 & 63);
		out[3] = letter(x & 63);
		digest = digest * 31 + LOAD32(out);
	}
	return digest;
}
