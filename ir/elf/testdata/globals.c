// SPDX-License-Identifier: Apache-2.0
// Global variables in plain and suffixed sections of each kind, and string
// literals, which the compiler puts into a section of its own.
#include "bpfproof.h"

const volatile u32 limit = 100;
SEC(".rodata.tuning") const volatile u64 factor = 0x1122334455667788;
SEC(".rodata.names") const volatile char names[2][8] = { "first", "second" };
u32 seen = 3;
SEC(".data.hot") u32 hot = 5;
SEC(".data.cold") u16 cold[4] = { 1, 2, 3, 4 };
u64 total;
SEC(".bss.big") u8 big[4096];
SEC(".bss.pair") u32 left, right;

static long (*const bpf_trace_printk)(const char *fmt, u32 size, ...) = (void *)6;

SEC("xdp")
int globals(struct xdp_md *ctx)
{
	u32 i = ctx->rx_queue_index & 3;

	total += factor * limit + names[1][i];
	big[i] = (u8)(hot + cold[i]);
	right += 1;
	left += right;
	seen += 1;
	bpf_trace_printk("left %d\n", 9, left);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
