/* SPDX-License-Identifier: Apache-2.0 */
/* 256 lookups in an array of 64 numbers, and a write to each. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

BENCH(array, 1280)
{
	u64 sum = 0;

	ROLLED for (u32 i = 0; i < 256; i++) {
		u32 key = p[256 + i] & 63;
		u64 *v = bpf_map_lookup_elem(&numbers, &key);

		if (v) {
			*v = key * 3 + 1;
			sum = sum * 5 + *v;
		}
	}
	return fold(sum);
}
