/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the corpus programs need of the bpf(2) interface, written for this
 * project so that they build with nothing but clang. Numbers and layouts are
 * those of the Linux uapi (include/uapi/linux/bpf.h, if_ether.h, ip.h, ipv6.h,
 * tcp.h, udp.h); the packet headers are those of their RFCs.
 */
#ifndef BPFPROOF_H
#define BPFPROOF_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

/* Map definitions carry their parameters as types, which clang writes to BTF. */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name

#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6

#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_EXIST 2

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u32 (*const bpf_get_prandom_u32)(void) = (void *)7;

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP = 1,
	XDP_PASS = 2,
	XDP_TX = 3,
	XDP_REDIRECT = 4,
};

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

#define htons(x) ((u16)__builtin_bswap16((u16)(x)))
#define htonl(x) ((u32)__builtin_bswap32((u32)(x)))

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_P_IPV6 0x86dd

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58

/* IEEE 802.3 */
struct ethhdr {
	u8 dst[6];
	u8 src[6];
	u16 proto;
};

/* IEEE 802.1Q: follows the type that announced it. */
struct vlanhdr {
	u16 tci;
	u16 proto;
};

/* RFC 791 */
struct iphdr {
	u8 ver_ihl;
	u8 tos;
	u16 tot_len;
	u16 id;
	u16 frag_off;
	u8 ttl;
	u8 protocol;
	u16 check;
	u32 saddr;
	u32 daddr;
};

/* RFC 8200 */
struct ipv6hdr {
	u32 ver_tc_flow;
	u16 payload_len;
	u8 nexthdr;
	u8 hop_limit;
	u32 saddr[4];
	u32 daddr[4];
};

/* RFC 9293 */
struct tcphdr {
	u16 source;
	u16 dest;
	u32 seq;
	u32 ack;
	u16 flags;
	u16 window;
	u16 check;
	u16 urg;
};

/* RFC 768 */
struct udphdr {
	u16 source;
	u16 dest;
	u16 len;
	u16 check;
};

#endif
