// SPDX-License-Identifier: Apache-2.0
// A map whose values hold a lock: one program uses it, one writes over it.
#include "bpfproof.h"

struct bpf_spin_lock {
	u32 val;
};

struct counted {
	u32 n;
	struct bpf_spin_lock lock;
	u64 total;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counted);
} counters SEC(".maps");

static long (*const lock)(struct bpf_spin_lock *) = (void *)93;
static long (*const unlock)(struct bpf_spin_lock *) = (void *)94;

SEC("xdp")
int count(struct xdp_md *ctx __attribute__((unused)))
{
	u32 key = 0;
	struct counted *c = bpf_map_lookup_elem(&counters, &key);

	if (!c)
		return XDP_ABORTED;
	lock(&c->lock);
	c->total++;
	unlock(&c->lock);
	return XDP_PASS;
}

SEC("xdp")
int overwrite(struct xdp_md *ctx __attribute__((unused)))
{
	u32 key = 0;
	struct counted *c = bpf_map_lookup_elem(&counters, &key);

	if (c)
		*(volatile u32 *)&c->lock = 1;
	return XDP_PASS;
}

