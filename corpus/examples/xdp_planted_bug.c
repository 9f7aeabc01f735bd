// SPDX-License-Identifier: Apache-2.0
/*
 * A classifier with a planted bug: the TCP header is read after a check that
 * covers the IPv4 header only, so a packet cut behind its IPv4 header is read
 * beyond its end. A verifier must reject the program.
 */
#include "bpfproof.h"

#define DROP_PORT 4444

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} drops SEC(".maps");

SEC("xdp")
int xdp_planted_bug(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	if (eth->proto != htons(ETH_P_IP) || ip->ver_ihl != 0x45 || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;

	struct tcphdr *tcp = (void *)(ip + 1);
	if (tcp->dest != htons(DROP_PORT)) /* no check that tcp + 1 <= end */
		return XDP_PASS;

	u32 zero = 0;
	u64 *n = bpf_map_lookup_elem(&drops, &zero);
	if (n)
		__sync_fetch_and_add(n, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
