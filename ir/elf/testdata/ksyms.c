// SPDX-License-Identifier: Apache-2.0
// Functions and variables of the kernel: with a type, without, and weak ones that
// no kernel has.
#include "bpfproof.h"

#define KSYM __attribute__((section(".ksyms")))
#define WEAK __attribute__((weak))

struct no_such_type;

extern void bpf_rcu_read_lock(void) KSYM;
extern void bpf_rcu_read_unlock(void) KSYM;
extern void bpf_no_such_function(void) KSYM WEAK;
extern void bpf_rcu_read_lock___other(int wrong) KSYM WEAK;
extern const int cpu_number_of_test KSYM;
extern const struct no_such_type no_such_variable KSYM WEAK;
extern const void linux_banner KSYM;
extern const void no_such_symbol KSYM WEAK;

SEC("tc")
int ksyms(void *ctx)
{
	u64 sum = 0;

	(void)ctx;
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	if (bpf_no_such_function)
		bpf_no_such_function();
	if (bpf_rcu_read_lock___other)
		sum += 1;
	if (&no_such_variable)
		sum += 2;
	if (&no_such_symbol)
		sum += 4;
	sum ^= (u64)bpf_rcu_read_lock;
	sum ^= (u64)&linux_banner;
	return sum + (u64)&cpu_number_of_test;
}

char _license[] SEC("license") = "GPL";
