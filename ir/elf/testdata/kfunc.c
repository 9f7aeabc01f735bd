// SPDX-License-Identifier: Apache-2.0
// A call of a kernel function, which the loader does not resolve.
#include "bpfproof.h"

extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));

SEC("xdp")
int kfunc(struct xdp_md *ctx)
{
	(void)ctx;
	bpf_rcu_read_lock();
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
