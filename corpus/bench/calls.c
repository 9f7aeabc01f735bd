/* SPDX-License-Identifier: Apache-2.0 */
/* bpf2bpf calls: two small functions, one below the other. */
#include "bench.h"

static NOINLINE u64 mix(u64 x, u64 y)
{
	KEEP(x);
	return (x ^ y) * 0x9e3779b1u;
}

static NOINLINE u64 twice(u64 x, u64 y)
{
	return mix(mix(x, y), x >> 7);
}

BENCH(calls, 512)
{
	u64 x = 1;

	ROLLED for (u32 i = 0; i < 512; i += 8)
		x = twice(x, LOAD64(p + i));
	return fold(x);
}
