/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A classifier of UDP over IPv4: a counter for each protocol on each processor
 * and one for each source in a hash map.
 */
#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} sources SEC(".maps");

BENCH(l4, 64)
{
	struct ethhdr *eth = (struct ethhdr *)p;
	u32 protocol, source;
	u64 zero = 0, *count;

	if (eth->proto != htons(ETH_P_IP) || p[14] != 0x45)
		return 1;
	protocol = p[23];
	source = LOAD32(p + 26);
	count = bpf_map_lookup_elem(&protocols, &protocol);
	if (!count)
		return 2;
	*count = 0;
	count = bpf_map_lookup_elem(&sources, &source);
	if (!count) {
		bpf_map_update_elem(&sources, &source, &zero, BPF_ANY);
		return 3 + protocol;
	}
	*count = protocol;
	return 3 + protocol;
}
