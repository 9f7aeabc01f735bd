// SPDX-License-Identifier: Apache-2.0
// Kernel functions that every kernel since 6.2 has, and a weak one that none has.
#include "bpfproof.h"

#define KSYM __attribute__((section(".ksyms")))

extern void bpf_rcu_read_lock(void) KSYM;
extern void bpf_rcu_read_unlock(void) KSYM;
extern void bpf_no_such_function(void) KSYM __attribute__((weak));

SEC("tc")
int kfuncs(void *ctx)
{
	(void)ctx;
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	if (bpf_no_such_function)
		bpf_no_such_function();
	return 0;
}

char _license[] SEC("license") = "GPL";
