// SPDX-License-Identifier: Apache-2.0
/*
 * A rate limiter for XDP: every source address has a bucket of tokens, which
 * fills at a rate; a packet takes one token, and a packet that finds none is
 * dropped. Sources are kept in an LRU hash, so that the table never fills up:
 * whoever was quiet longest is forgotten, and starts anew with a full bucket.
 *
 * Packets that are no whole IPv4 or IPv6 header pass: they have no source.
 * Updates of one source by several processors at once may lose a token or two.
 */
#include "example.h"

#define MAX_SOURCES 1024
#define TOKEN 1000000000ULL /* a token is as many units: rates are in tokens a second */

struct config {
	u64 rate;  /* tokens a second, at most 1e6 */
	u64 burst; /* tokens that a bucket holds, at most 1e6 */
};

struct source {
	u32 addr[4]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
};

struct bucket {
	u64 units;
	u64 filled; /* when, in nanoseconds */
	u64 passed;
	u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_SOURCES);
	__type(key, struct source);
	__type(value, struct bucket);
} sources SEC(".maps");

INLINE int source_of(void *data, void *end, struct source *s)
{
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) > end)
		return -1;
	if (eth->proto == htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);
		if ((void *)(ip + 1) > end)
			return -1;
		s->addr[0] = 0;
		s->addr[1] = 0;
		s->addr[2] = htonl(0xffff);
		s->addr[3] = ip->saddr;
		return 0;
	}
	if (eth->proto == htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);
		if ((void *)(ip + 1) > end)
			return -1;
		s->addr[0] = ip->saddr[0];
		s->addr[1] = ip->saddr[1];
		s->addr[2] = ip->saddr[2];
		s->addr[3] = ip->saddr[3];
		return 0;
	}
	return -1;
}

SEC("xdp") int rate_limit(struct xdp_md *ctx)
{
	void *data = (void *)(unsigned long)ctx->data;
	void *end = (void *)(unsigned long)ctx->data_end;
	struct source s;
	if (source_of(data, end, &s))
		return XDP_PASS;
	u32 zero = 0;
	struct config *c = bpf_map_lookup_elem(&config, &zero);
	if (!c || !c->rate)
		return XDP_PASS; /* not set up yet */
	u64 full = c->burst * TOKEN;
	u64 now = bpf_ktime_get_ns();
	struct bucket *b = bpf_map_lookup_elem(&sources, &s);
	if (!b) {
		struct bucket new = {.units = full - TOKEN, .filled = now, .passed = 1};
		bpf_map_update_elem(&sources, &s, &new, BPF_ANY);
		return XDP_PASS;
	}
	u64 past = now - b->filled;
	u64 units = b->units;
	/* A bucket is full after burst / rate seconds: no product overflows. */
	if (past / TOKEN > c->burst / c->rate)
		units = full;
	else
		units += past * c->rate;
	if (units > full)
		units = full;
	b->filled = now;
	if (units < TOKEN) {
		b->units = units;
		b->dropped++;
		return XDP_DROP;
	}
	b->units = units - TOKEN;
	b->passed++;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
