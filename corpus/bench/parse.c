/* SPDX-License-Identifier: Apache-2.0 */
/* Parses Ethernet, IPv4 and UDP headers: a short run, where entry counts. */
#include "bench.h"

BENCH(parse, 64)
{
	const struct ethhdr *eth = (const void *)p;
	const struct iphdr *ip = (const void *)(p + 14);
	const struct udphdr *udp = (const void *)(p + 34);

	if (eth->proto != htons(ETH_P_IP))
		return 1;
	if ((ip->ver_ihl & 0xf0) != 0x40 || (ip->ver_ihl & 0xf) != 5)
		return 2;
	if (ip->protocol != IPPROTO_UDP || (ip->frag_off & htons(0x1fff)))
		return 3;
	return (u32)htons(udp->dest) << 8 ^ ip->saddr ^ ip->daddr ^ ip->ttl;
}
