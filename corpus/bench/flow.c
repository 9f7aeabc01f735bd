/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow key out of headers whose place in memory the compiler knows nothing
 * of: fields are put together from bytes, and hashed.
 */
#include "bench.h"

INLINE u32 be32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
INLINE u32 le32(const u8 *p) { return (u32)p[3] << 24 | (u32)p[2] << 16 | (u32)p[1] << 8 | p[0]; }

BENCH(flow, 1514)
{
	u32 h = 0x811c9dc5;

	ROLLED for (u32 i = 0; i < 64; i++) {
		const u8 *at = p + 1035 + 7 * i;
		u32 src = be32(at), dst = be32(at + 4), ports = le32(at + 8);

		h = (h ^ src) * 0x01000193;
		h = (h ^ dst) * 0x01000193;
		h = (h ^ ports ^ h >> 13) * 0x01000193;
	}
	return h;
}
