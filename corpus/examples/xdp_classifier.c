// SPDX-License-Identifier: Apache-2.0
/*
 * A packet classifier for XDP.
 *
 * It parses Ethernet with up to two VLAN tags, IPv4 with options, IPv6, TCP and
 * UDP; counts packets and bytes per protocol class and per source address; and
 * drops what is sent to DROP_PORT.
 *
 * Rules:
 *  - a packet that is cut inside a header it announces, or whose header lengths
 *    contradict each other, is malformed: class CLASS_MALFORMED, XDP_ABORTED,
 *    no source counted;
 *  - fragments other than the first have no ports: class CLASS_FRAGMENT;
 *  - IPv6 extension headers are not followed: class CLASS_OTHER;
 *  - a source is counted when its IP header is complete and the packet is not
 *    malformed; IPv4 addresses are keyed as ::ffff:a.b.c.d. When the table of
 *    sources is full, further sources go uncounted.
 */
#include "bpfproof.h"

#define DROP_PORT 4444
#define MAX_SOURCES 4096

enum class {
	CLASS_OTHER,
	CLASS_ARP,
	CLASS_ICMP,
	CLASS_TCP,
	CLASS_UDP,
	CLASS_ICMPV6,
	CLASS_FRAGMENT,
	CLASS_MALFORMED,
	CLASS_COUNT,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, u32);
	__type(value, u64);
} proto_packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, u32);
	__type(value, u64);
} proto_bytes SEC(".maps");

struct source {
	u32 addr[4]; /* network byte order */
};

struct counters {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SOURCES);
	__type(key, struct source);
	__type(value, struct counters);
} sources SEC(".maps");

/* What the parser finds out about a packet. */
struct packet {
	struct source source;
	u32 class;
	u16 dport; /* network byte order, 0 if there is none */
	u8 has_source;
};

INLINE int parse_l4(void *l4, void *end, u8 protocol, struct packet *p)
{
	if (protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		if ((void *)(tcp + 1) > end)
			return -1;
		if ((tcp->flags & 0xf0) < 0x50) /* data offset, in words */
			return -1;
		p->class = CLASS_TCP;
		p->dport = tcp->dest;
	} else if (protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;
		if ((void *)(udp + 1) > end)
			return -1;
		p->class = CLASS_UDP;
		p->dport = udp->dest;
	}
	return 0;
}

INLINE int parse_ipv4(struct iphdr *ip, void *end, struct packet *p)
{
	if ((void *)(ip + 1) > end)
		return -1;
	u32 header = (ip->ver_ihl & 15) * 4;
	if (ip->ver_ihl >> 4 != 4 || header < sizeof(*ip))
		return -1;
	void *l4 = (void *)ip + header;
	if (l4 > end)
		return -1;
	p->source.addr[0] = 0;
	p->source.addr[1] = 0;
	p->source.addr[2] = htonl(0xffff);
	p->source.addr[3] = ip->saddr;
	p->has_source = 1;
	if (ip->frag_off & htons(0x1fff)) {
		p->class = CLASS_FRAGMENT;
		return 0;
	}
	if (ip->protocol == IPPROTO_ICMP)
		p->class = CLASS_ICMP;
	return parse_l4(l4, end, ip->protocol, p);
}

INLINE int parse_ipv6(struct ipv6hdr *ip, void *end, struct packet *p)
{
	if ((void *)(ip + 1) > end)
		return -1;
	if ((ip->ver_tc_flow & htonl(0xf0000000)) != htonl(0x60000000))
		return -1;
	p->source.addr[0] = ip->saddr[0];
	p->source.addr[1] = ip->saddr[1];
	p->source.addr[2] = ip->saddr[2];
	p->source.addr[3] = ip->saddr[3];
	p->has_source = 1;
	if (ip->nexthdr == IPPROTO_ICMPV6)
		p->class = CLASS_ICMPV6;
	return parse_l4(ip + 1, end, ip->nexthdr, p);
}

INLINE int is_vlan(u16 proto)
{
	return proto == htons(ETH_P_8021Q) || proto == htons(ETH_P_8021AD);
}

INLINE int parse(void *data, void *end, struct packet *p)
{
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) > end)
		return -1;
	u16 proto = eth->proto;
	void *l3 = eth + 1;
	if (is_vlan(proto)) {
		struct vlanhdr *outer = l3;
		if ((void *)(outer + 1) > end)
			return -1;
		proto = outer->proto;
		l3 = outer + 1;
		if (is_vlan(proto)) {
			struct vlanhdr *inner = l3;
			if ((void *)(inner + 1) > end)
				return -1;
			proto = inner->proto;
			l3 = inner + 1;
		}
	}
	switch (proto) {
	case htons(ETH_P_IP):
		return parse_ipv4(l3, end, p);
	case htons(ETH_P_IPV6):
		return parse_ipv6(l3, end, p);
	case htons(ETH_P_ARP):
		p->class = CLASS_ARP;
	}
	return 0;
}

INLINE void count_class(u32 class, u64 bytes)
{
	u64 *packets = bpf_map_lookup_elem(&proto_packets, &class);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	u64 *total = bpf_map_lookup_elem(&proto_bytes, &class);
	if (total)
		__sync_fetch_and_add(total, bytes);
}

INLINE void count_source(struct source *source, u64 bytes)
{
	struct counters *c = bpf_map_lookup_elem(&sources, source);
	if (!c) {
		struct counters zero = {};
		/* Another processor may have been first: then this fails and
		 * the entry that is there is the one to count in. */
		bpf_map_update_elem(&sources, source, &zero, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&sources, source);
		if (!c)
			return;
	}
	__sync_fetch_and_add(&c->packets, 1);
	__sync_fetch_and_add(&c->bytes, bytes);
}

SEC("xdp")
int xdp_classifier(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	u64 bytes = end - data;
	struct packet p = {};

	if (parse(data, end, &p) < 0) {
		count_class(CLASS_MALFORMED, bytes);
		return XDP_ABORTED;
	}
	count_class(p.class, bytes);
	if (p.has_source)
		count_source(&p.source, bytes);
	return p.dport == htons(DROP_PORT) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
