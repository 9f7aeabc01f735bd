/* SPDX-License-Identifier: Apache-2.0 */
/* 32 elements go into a hash map and out again. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} passing SEC(".maps");

BENCH(insert, 1280)
{
	u32 done = 0;

	ROLLED for (u32 i = 0; i < 32; i++) {
		u32 key = p[256 + i];
		u64 value = i;

		if (bpf_map_update_elem(&passing, &key, &value, BPF_ANY) == 0 && bpf_map_delete_elem(&passing, &key) == 0)
			done++;
	}
	return done;
}
