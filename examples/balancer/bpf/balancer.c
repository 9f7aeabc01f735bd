// SPDX-License-Identifier: Apache-2.0
/*
 * A load balancer for TCP and UDP over IPv4. A packet to a service's address
 * and port is sent on to one of the service's backends: by a table of places
 * that the application fills (Maglev hashing), at the place that a hash of the
 * packet's addresses and ports names, so that a connection stays where it is.
 *
 * The packet gets the backend's address, with its checksums brought up to date
 * (RFC 1624), the backend's MAC address, and goes out by the backend's device.
 *
 * What is not to a service passes. Fragments and packets whose headers are cut
 * or have options pass too: they are for the stack to complain about. A service
 * without backends drops.
 */
#include "example.h"

#define MAX_SERVICES 16
#define PLACES 1021 /* of a service's table: prime, as Maglev wants it */
#define MAX_BACKENDS 256
#define MAX_PORTS 64

struct service_key {
	u32 addr; /* network byte order */
	u16 port; /* network byte order */
	u8 protocol;
	u8 zero;
};

struct backend {
	u32 addr;   /* network byte order */
	u32 device; /* place in the map of devices */
	u8 mac[6];
	u8 own_mac[6];
};

struct counters {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct service_key);
	__type(value, u32);
} services SEC(".maps");

/* Places of all services: the backend's number plus one, 0 for none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SERVICES * PLACES);
	__type(key, u32);
	__type(value, u32);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, u32);
	__type(value, struct counters);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, MAX_PORTS);
	__type(key, u32);
	__type(value, u32);
} devices SEC(".maps");

/* The finaliser of MurmurHash3. */
INLINE u32 mix(u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

/* A checksum from which old was taken out and into which new was put. */
INLINE u16 update_csum(u16 csum, u32 old, u32 new)
{
	u32 sum = (u16)~csum;
	sum += (u16)~old;
	sum += (u16)~(old >> 16);
	sum += (u16)new;
	sum += new >> 16;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

SEC("xdp") int balance(struct xdp_md *ctx)
{
	void *data = (void *)(unsigned long)ctx->data;
	void *end = (void *)(unsigned long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || eth->proto != htons(ETH_P_IP) || ip->ver_ihl != 0x45)
		return XDP_PASS;
	if (ip->frag_off & htons(0x3fff)) /* a part of a packet */
		return XDP_PASS;
	struct udphdr *l4 = (void *)(ip + 1); /* ports are in the same place in TCP */
	struct tcphdr *tcp = (void *)(ip + 1);
	if (ip->protocol == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > end)
			return XDP_PASS;
	} else if (ip->protocol != IPPROTO_UDP || (void *)(l4 + 1) > end) {
		return XDP_PASS;
	}
	struct service_key key = {.addr = ip->daddr, .port = l4->dest, .protocol = ip->protocol};
	u32 *service = bpf_map_lookup_elem(&services, &key);
	if (!service)
		return XDP_PASS;
	u32 hash = mix(ip->saddr ^ mix(ip->daddr ^ mix((u32)l4->source << 16 | l4->dest)) ^ ip->protocol);
	u32 place = *service * PLACES + hash % PLACES;
	u32 *chosen = bpf_map_lookup_elem(&places, &place);
	if (!chosen || !*chosen)
		return XDP_DROP;
	u32 index = *chosen - 1;
	struct backend *b = bpf_map_lookup_elem(&backends, &index);
	struct counters *c = bpf_map_lookup_elem(&traffic, &index);
	if (!b || !c)
		return XDP_DROP;

	u32 old = ip->daddr;
	if (ip->protocol == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > end) /* as above, for the compiler to keep the pointer whose bounds are known */
			return XDP_PASS;
		tcp->check = update_csum(tcp->check, old, b->addr);
	} else if (l4->check) { /* 0: there is none */
		u16 csum = update_csum(l4->check, old, b->addr);
		l4->check = csum ? csum : 0xffff;
	}
	ip->check = update_csum(ip->check, old, b->addr);
	ip->daddr = b->addr;
	__builtin_memcpy(eth->src, b->own_mac, 6);
	__builtin_memcpy(eth->dst, b->mac, 6);
	__sync_fetch_and_add(&c->packets, 1);
	__sync_fetch_and_add(&c->bytes, (u64)(end - data));
	return bpf_redirect_map(&devices, b->device, XDP_ABORTED);
}

char _license[] SEC("license") = "Dual MIT/GPL";
