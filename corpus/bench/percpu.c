/* SPDX-License-Identifier: Apache-2.0 */
/* 256 lookups in an array with a value for each processor. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

BENCH(percpu, 1280)
{
	u64 sum = 0;

	ROLLED for (u32 i = 0; i < 256; i++) {
		u32 key = p[256 + i] & 15;
		u64 *v = bpf_map_lookup_elem(&counters, &key);

		if (v) {
			sum = sum * 5 + (*v ^ key);
			*v = 0;
		}
	}
	return fold(sum);
}
