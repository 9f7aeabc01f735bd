// SPDX-License-Identifier: Apache-2.0
// Maps whose definition says what they hold: maps of maps, an array of programs,
// and a bloom filter with a number of hash functions.
#include "bpfproof.h"

#define __array(name, val) typeof(val) *name[]

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
};

struct inner first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, 12); /* array of maps */
	__uint(max_entries, 8);
	__type(key, u32);
	__array(values, struct inner);
} tables SEC(".maps") = { .values = { [0] = &first, [5] = &second } };

static long (*const bpf_tail_call)(void *ctx, void *map, u32 index) = (void *)12;

int finish(struct xdp_md *ctx);

struct {
	__uint(type, 3); /* program array */
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = { .values = { [2] = &finish } };

struct {
	__uint(type, 30); /* bloom filter */
	__uint(max_entries, 100);
	__uint(map_extra, 5);
	__type(value, u32);
} filter SEC(".maps");

static long (*const bpf_map_peek_elem)(void *map, void *value) = (void *)89;

SEC("xdp")
int finish(struct xdp_md *ctx)
{
	u32 key = ctx->rx_queue_index;

	return bpf_map_peek_elem(&filter, &key) ? XDP_DROP : XDP_TX;
}

SEC("xdp")
int start(struct xdp_md *ctx)
{
	u32 key = 5, zero = 0;
	void *table = bpf_map_lookup_elem(&tables, &key);

	if (table) {
		u64 *count = bpf_map_lookup_elem(table, &zero);

		if (count)
			*count += 1;
	}
	bpf_tail_call(ctx, &jumps, 2);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
