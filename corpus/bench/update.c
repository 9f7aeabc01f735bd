/* SPDX-License-Identifier: Apache-2.0 */
/* 64 updates of a hash map, in which every key is there from the second run on. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} latest SEC(".maps");

BENCH(update, 1280)
{
	u64 failed = 0;

	ROLLED for (u32 i = 0; i < 64; i++) {
		u32 key = i & 15;
		u64 value = p[16 + i];

		failed |= (u64)bpf_map_update_elem(&latest, &key, &value, BPF_ANY);
	}
	return failed ? 0 : 64;
}
