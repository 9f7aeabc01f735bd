// SPDX-License-Identifier: Apache-2.0
/*
 * Global variables of all three kinds, static and global subprograms, and a
 * second program in the same object that shares them: what an object loader
 * has to link.
 */
#include "bpfproof.h"

const volatile u32 limit = 100; /* .rodata: may be changed before load */
u32 weight = 3;                 /* .data */
u64 seen;                       /* .bss */
u32 sizes[4];                   /* .bss */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} by_size SEC(".maps");

static NOINLINE u32 class_of(u32 n)
{
	if (n < 64)
		return 0;
	if (n < 256)
		return 1;
	return n < 1024 ? 2 : 3;
}

NOINLINE int scaled(u32 n)
{
	return n * weight + class_of(n);
}

SEC("xdp")
int xdp_globals(struct xdp_md *ctx)
{
	u32 n = (u64)ctx->data_end - (u64)ctx->data;

	seen++;
	sizes[class_of(n) & 3]++;
	return (u32)scaled(n) > limit ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int xdp_count(struct xdp_md *ctx)
{
	u32 n = (u64)ctx->data_end - (u64)ctx->data;
	u64 one = 1;
	u64 *v = bpf_map_lookup_elem(&by_size, &n);

	if (v)
		*v += 1;
	else
		bpf_map_update_elem(&by_size, &n, &one, BPF_ANY);
	return seen ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "Dual MIT/GPL";
