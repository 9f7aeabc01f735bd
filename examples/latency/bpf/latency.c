// SPDX-License-Identifier: Apache-2.0
/*
 * How long tasks wait for a processor: the time from when a task becomes
 * runnable (sched_wakeup, sched_wakeup_new, or sched_switch away from a task
 * that could have gone on) to when it runs (sched_switch to it), as a histogram
 * of powers of two of nanoseconds.
 *
 * The contexts are the records of the kernel's tracepoints; the application
 * checks that this kernel's have these layouts. The idle task, 0, never waits.
 */
#include "example.h"

#define MAX_TASKS 8192
#define SLOTS 64

struct wakeup {
	u64 hidden;
	char comm[16];
	s32 pid;
	s32 prio;
	s32 target_cpu;
};

struct sched_switch {
	u64 hidden;
	char prev_comm[16];
	s32 prev_pid;
	s32 prev_prio;
	s64 prev_state;
	char next_comm[16];
	s32 next_pid;
	s32 next_prio;
};

#define RUNNING 0
#define PREEMPTED 0x100 /* TASK_REPORT_MAX: it was running */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_TASKS);
	__type(key, s32);
	__type(value, u64);
} waiting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, u64);
} histogram SEC(".maps");

struct totals {
	u64 waits;
	u64 nanos;
	u64 longest;
	s64 longest_pid;
	u64 untracked; /* tasks for which the table had no room */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct totals);
} totals SEC(".maps");

INLINE struct totals *all(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&totals, &zero);
}

INLINE void runnable(s32 pid)
{
	if (!pid)
		return;
	u64 now = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&waiting, &pid, &now, BPF_ANY)) {
		struct totals *t = all();
		if (t)
			__sync_fetch_and_add(&t->untracked, 1);
	}
}

/* The place of the highest bit, 0 for 0 and 1. */
INLINE u32 log2(u64 x)
{
	u32 n = 0;
	if (x >> 32) {
		x >>= 32;
		n += 32;
	}
	if (x >> 16) {
		x >>= 16;
		n += 16;
	}
	if (x >> 8) {
		x >>= 8;
		n += 8;
	}
	if (x >> 4) {
		x >>= 4;
		n += 4;
	}
	if (x >> 2) {
		x >>= 2;
		n += 2;
	}
	return n + (x >> 1 ? 1 : 0);
}

SEC("tracepoint/sched/sched_wakeup") int on_wakeup(struct wakeup *ctx)
{
	runnable(ctx->pid);
	return 0;
}

SEC("tracepoint/sched/sched_wakeup_new") int on_wakeup_new(struct wakeup *ctx)
{
	runnable(ctx->pid);
	return 0;
}

SEC("tracepoint/sched/sched_switch") int on_switch(struct sched_switch *ctx)
{
	if (ctx->prev_state == RUNNING || ctx->prev_state & PREEMPTED)
		runnable(ctx->prev_pid);
	s32 pid = ctx->next_pid;
	u64 *since = bpf_map_lookup_elem(&waiting, &pid);
	if (!since)
		return 0;
	u64 wait = bpf_ktime_get_ns() - *since;
	bpf_map_delete_elem(&waiting, &pid);
	u32 slot = log2(wait);
	u64 *count = bpf_map_lookup_elem(&histogram, &slot);
	if (count)
		__sync_fetch_and_add(count, 1);
	struct totals *t = all();
	if (!t)
		return 0;
	__sync_fetch_and_add(&t->waits, 1);
	__sync_fetch_and_add(&t->nanos, wait);
	if (wait > t->longest) {
		t->longest = wait;
		t->longest_pid = pid;
	}
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
