/* SPDX-License-Identifier: Apache-2.0 */
/* 128 lookups in a hash map of 32 keys, of which about half are there. */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} table SEC(".maps");

BENCH(hash, 1280)
{
	u64 sum = LOAD64(p), value = 7;

	ROLLED for (u32 i = 0; i < 16; i++) {
		u32 key = i;

		if (!bpf_map_lookup_elem(&table, &key))
			bpf_map_update_elem(&table, &key, &value, BPF_ANY);
	}
	ROLLED for (u32 i = 0; i < 128; i++) {
		u32 key = p[256 + i] & 31;
		u64 *v = bpf_map_lookup_elem(&table, &key);

		sum = sum * 5 + key;
		if (v)
			sum += *v;
	}
	return fold(sum);
}
