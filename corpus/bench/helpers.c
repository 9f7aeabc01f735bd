/* SPDX-License-Identifier: Apache-2.0 */
/* 64 calls of a helper that does next to nothing. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} unused SEC(".maps"); /* helpers are no part of C: there is no floor */

BENCH(helpers, 64)
{
	u64 odd = 0;
	u32 key = p[12] & 0;

	if (!bpf_map_lookup_elem(&unused, &key))
		return 0;
	ROLLED for (u32 i = 0; i < 64; i++)
		odd |= bpf_get_prandom_u32() | 1;
	return odd & 1 ? 64 : 0;
}
