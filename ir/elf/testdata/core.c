// SPDX-License-Identifier: Apache-2.0
// CO-RE relocations of each kind that decides something: a field's offset, its
// existence, and a type that the kernel does not have.
#include "bpfproof.h"

struct task_struct {
	int pid;
	int tgid;
	int no_such_field;
} __attribute__((preserve_access_index));

struct no_such_struct {
	int x;
} __attribute__((preserve_access_index));

static long (*const bpf_probe_read_kernel)(void *dst, u32 size, const void *src) = (void *)113;

SEC("raw_tp/sched_switch")
int core(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];
	int pid = 0;

	if (!__builtin_preserve_field_info(task->no_such_field, 2))
		bpf_probe_read_kernel(&pid, sizeof(pid), &task->tgid);
	return pid;
}

SEC("raw_tp/sched_switch")
int core_missing(u64 *ctx)
{
	struct no_such_struct *p = (void *)ctx[1];
	int x = 0;

	bpf_probe_read_kernel(&x, sizeof(x), &p->x);
	return x;
}

char _license[] SEC("license") = "GPL";
