// SPDX-License-Identifier: Apache-2.0
// Functions of each kind: global and static ones of .text, a static one beside
// the program, one that calls another, and a callback.
#include "bpfproof.h"

static long (*const bpf_loop)(u32 n, void *callback, void *data, u64 flags) = (void *)181;

NOINLINE int global_add(int x, int y)
{
	return x + y;
}

static NOINLINE int chain(int x)
{
	return global_add(x, x) * 3;
}

static long each(u32 i, u32 *sum)
{
	*sum += i;
	return 0;
}

__attribute__((section("xdp"))) static NOINLINE int beside(int x)
{
	return x ^ chain(x);
}

SEC("xdp")
int funcs(struct xdp_md *ctx)
{
	u32 sum = 0;

	bpf_loop(3, each, &sum, 0);
	return beside(ctx->rx_queue_index) + (int)sum;
}

char _license[] SEC("license") = "GPL";
