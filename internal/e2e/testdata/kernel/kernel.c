// Programs that take a kernel's structures, functions, iterators and dynamic
// pointers. The kernel (Linux 6.18) loads those whose names begin with ok_ and
// refuses those that begin with bad_; the comment says why.
//
// clang -g -O2 -mcpu=v3 --target=bpf -fdebug-compilation-dir=. -c kernel.c -o kernel.o

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define KSYM __attribute__((section(".ksyms")))
#define CORE __attribute__((preserve_access_index))
#define TAG(x) __attribute__((btf_type_tag(#x)))

struct task_struct { int pid; struct task_struct *real_parent; struct task_struct *group_leader; struct mm_struct *mm; struct css_set *cgroups; } CORE;
struct mm_struct { struct file *exe_file; u64 total_vm; } CORE;
struct file { u32 f_flags; } CORE;
struct sk_buff { u32 len; struct sk_buff *next; struct sock *sk; } CORE;
struct bpf_iter_meta { struct seq_file *seq; u64 session_id; } CORE;
struct seq_file { u64 count; } CORE;
struct sock { int x; } CORE;
struct bpf_nf_ctx { const struct nf_hook_state *state; struct sk_buff *skb; } CORE;
struct nf_hook_state { u8 hook; u8 pf; } CORE;
struct __sk_buff { u32 len; };
struct xdp_md { u32 data; u32 data_end; };
struct bpf_iter_num { u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_dynptr { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_cpumask { int usage; } CORE;
struct cpumask { u64 bits[1]; } CORE;

extern struct task_struct *bpf_task_acquire(struct task_struct *p) KSYM;
extern struct task_struct *bpf_task_from_pid(int pid) KSYM;
extern void bpf_task_release(struct task_struct *p) KSYM;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) KSYM;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) KSYM;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) KSYM;
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, u32 flags) KSYM;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) KSYM;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) KSYM;
extern void bpf_rcu_read_lock(void) KSYM;
extern void bpf_rcu_read_unlock(void) KSYM;
extern void bpf_preempt_disable(void) KSYM;
extern void bpf_preempt_enable(void) KSYM;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *d) KSYM;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *d) KSYM;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *d, u32 off, void *buf, u32 n) KSYM;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *d, u32 off, void *buf, u32 n) KSYM;
extern int bpf_dynptr_clone(const struct bpf_dynptr *d, struct bpf_dynptr *c) KSYM;
extern u32 bpf_dynptr_size(const struct bpf_dynptr *d) KSYM;
extern struct bpf_cpumask *bpf_cpumask_create(void) KSYM;
extern void bpf_cpumask_release(struct bpf_cpumask *m) KSYM;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *m) KSYM;
extern u32 bpf_cpumask_first(const struct cpumask *m) KSYM;
extern void *bpf_cast_to_kern_ctx(void *ctx) KSYM;

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static u64 (*const ktime)(void) = (void *)5;
static u32 (*const prandom)(void) = (void *)7;
static long (*const pull_data)(void *skb, u32 n) = (void *)39;
static struct task_struct *(*const current_task)(void) = (void *)158;
static long (*const task_stack)(struct task_struct *t, void *buf, u32 n, u64 flags) = (void *)141;
static long (*const copy_from_user)(void *to, u32 n, const void *from) = (void *)148;
static void *(*const kptr_xchg)(void *at, void *p) = (void *)194;
static long (*const dynptr_from_mem)(void *p, u32 n, u64 flags, struct bpf_dynptr *d) = (void *)197;
static long (*const ringbuf_dynptr)(void *map, u32 n, u64 flags, struct bpf_dynptr *d) = (void *)198;
static void (*const submit_dynptr)(struct bpf_dynptr *d, u64 flags) = (void *)199;
static long (*const dynptr_read)(void *to, u32 n, const struct bpf_dynptr *d, u32 off, u64 flags) = (void *)201;
static long (*const dynptr_write)(const struct bpf_dynptr *d, u32 off, void *from, u32 n, u64 flags) = (void *)202;
static void *(*const dynptr_data)(const struct bpf_dynptr *d, u32 off, u32 n) = (void *)203;

struct kept { struct task_struct TAG(kptr) * owned; struct task_struct TAG(kptr_untrusted) * plain; u64 n; };

struct {
	int (*type)[2];
	int (*max_entries)[1];
	u32 *key;
	struct kept *value;
} kept SEC(".maps");

struct {
	int (*type)[27];
	int (*max_entries)[4096];
} ring SEC(".maps");

struct {
	int (*type)[2];
	int (*max_entries)[1];
	u32 *key;
	u64 *value;
} cells SEC(".maps");

#define HOOK(name, where) SEC(where) int name(u64 *ctx)
char _license[] SEC("license") = "GPL";

// Structures.

HOOK(ok_read_pid, "tp_btf/sched_switch") { return ((struct task_struct *)ctx[1])->pid & 1; }
HOOK(ok_walk_leader, "tp_btf/sched_switch") { return ((struct task_struct *)ctx[1])->group_leader->pid & 1; }
HOOK(bad_write, "tp_btf/sched_switch") { ((struct task_struct *)ctx[1])->pid = 1; return 0; } // only read is supported
HOOK(bad_beyond, "tp_btf/sched_switch") { return *(u8 *)((char *)ctx[1] + 100000) & 1; } // beyond the structure
HOOK(bad_half_pointer, "tp_btf/sched_switch") { return *(u32 *)&((struct task_struct *)ctx[1])->mm & 1; } // half of a pointer
HOOK(bad_no_argument, "tp_btf/sched_switch") { return ctx[9] & 1; } // no such argument
HOOK(bad_null, "iter/task") { struct task_struct *t = (void *)ctx[1]; return t->pid & 1; } // it may be null
HOOK(ok_null_checked, "iter/task") { struct task_struct *t = (void *)ctx[1]; return t ? t->pid & 1 : 0; }
HOOK(bad_iter_result, "iter/task") { return 2; } // 0 or 1
SEC("netfilter") int ok_netfilter(struct bpf_nf_ctx *c) { return c->state->hook & 1; }
SEC("netfilter") int bad_netfilter_write(struct bpf_nf_ctx *c) { c->skb->len = 1; return 1; } // only read is supported
SEC("tc") int ok_cast(struct __sk_buff *s) { struct sk_buff *k = bpf_cast_to_kern_ctx(s); return k->len & 1; }
SEC("tc") int bad_cast_twice(struct __sk_buff *s) { bpf_cast_to_kern_ctx(bpf_cast_to_kern_ctx(s)); return 0; } // not the context
SEC("tc") int ok_current(struct __sk_buff *s) { return current_task()->pid; }

// Functions: references, trust.

HOOK(ok_acquire, "tp_btf/sched_switch")
{
	struct task_struct *t = bpf_task_acquire((void *)ctx[1]);
	if (t)
		bpf_task_release(t);
	return 0;
}
HOOK(bad_leak, "tp_btf/sched_switch") { bpf_task_acquire((void *)ctx[1]); return 0; } // the reference is lost
HOOK(bad_release_unchecked, "tp_btf/sched_switch") { bpf_task_release(bpf_task_acquire((void *)ctx[1])); return 0; } // it may be null
HOOK(bad_release_unowned, "tp_btf/sched_switch") { bpf_task_release((void *)ctx[1]); return 0; } // not referenced
HOOK(bad_release_twice, "tp_btf/sched_switch")
{
	struct task_struct *t = bpf_task_acquire((void *)ctx[1]);
	if (!t)
		return 0;
	bpf_task_release(t);
	bpf_task_release(t); // no pointer any more
	return 0;
}
HOOK(bad_use_after_release, "tp_btf/sched_switch")
{
	struct task_struct *t = bpf_task_acquire((void *)ctx[1]);
	if (!t)
		return 0;
	bpf_task_release(t);
	return t->pid; // no pointer any more
}
HOOK(bad_acquire_walked, "tp_btf/sched_switch")
{
	struct mm_struct *mm = ((struct task_struct *)ctx[1])->mm;
	struct task_struct *t = bpf_task_acquire((void *)mm); // another structure
	if (t)
		bpf_task_release(t);
	return 0;
}
HOOK(ok_acquire_rcu, "tp_btf/sched_switch")
{
	struct task_struct *t = bpf_task_acquire(((struct task_struct *)ctx[1])->real_parent);
	if (t)
		bpf_task_release(t);
	return 0;
}
HOOK(bad_other_type, "tp_btf/sched_switch") { bpf_cpumask_release((void *)ctx[1]); return 0; } // another structure
SEC("tc") int ok_from_pid(struct __sk_buff *s)
{
	struct task_struct *t = bpf_task_from_pid(1);
	int pid = 0;
	if (t) {
		pid = t->pid;
		bpf_task_release(t);
	}
	return pid;
}
SEC("tc") int bad_number(struct __sk_buff *s) { bpf_task_release((void *)1); return 0; } // a number
SEC("cgroup/dev") int bad_not_there(void *ctx) { bpf_cpumask_set_cpu(0, 0); return 0; } // programs of this type do not have it
HOOK(ok_cpumask, "tp_btf/sched_switch")
{
	struct bpf_cpumask *m = bpf_cpumask_create();
	if (!m)
		return 0;
	bpf_cpumask_set_cpu(0, m);
	u32 first = bpf_cpumask_first((const struct cpumask *)m);
	bpf_cpumask_release(m);
	return first & 1;
}

// Iterators.

SEC("socket") int ok_sum(void *ctx)
{
	struct bpf_iter_num it;
	u64 sum = 0;
	int *v;
	bpf_iter_num_new(&it, 0, 1000);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	return sum;
}
SEC("socket") int ok_nested(void *ctx)
{
	struct bpf_iter_num a, b;
	u64 n = 0;
	bpf_iter_num_new(&a, 0, 10);
	while (bpf_iter_num_next(&a)) {
		bpf_iter_num_new(&b, 0, 10);
		while (bpf_iter_num_next(&b))
			n++;
		bpf_iter_num_destroy(&b);
	}
	bpf_iter_num_destroy(&a);
	return n;
}
SEC("socket") int ok_index(void *ctx)
{
	struct bpf_iter_num it;
	u8 seen[16] = {};
	int *v;
	bpf_iter_num_new(&it, 0, 1000);
	while ((v = bpf_iter_num_next(&it))) {
		u32 i = *v;
		if (i < 16)
			seen[i] = 1;
	}
	bpf_iter_num_destroy(&it);
	return seen[3];
}
SEC("socket") int bad_index(void *ctx)
{
	struct bpf_iter_num it;
	u8 seen[16] = {};
	int *v;
	bpf_iter_num_new(&it, 0, 16);
	while ((v = bpf_iter_num_next(&it)))
		seen[*(u32 *)v & 31] = 1; // up to 31
	bpf_iter_num_destroy(&it);
	return seen[3];
}
SEC("socket") int bad_not_destroyed(void *ctx)
{
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 3);
	return 0; // it is lost
}
SEC("socket") int bad_not_new(void *ctx)
{
	struct bpf_iter_num it;
	bpf_iter_num_next(&it); // never made
	return 0;
}
SEC("socket") int bad_destroyed_twice(void *ctx)
{
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	bpf_iter_num_destroy(&it); // there is none
	return 0;
}
SEC("socket") int bad_read_iter(void *ctx)
{
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 3);
	u64 x = *(volatile u64 *)&it; // its bytes are the kernel's
	bpf_iter_num_destroy(&it);
	return x;
}
SEC("socket") int bad_next_unchecked(void *ctx)
{
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 3);
	int x = *(volatile int *)bpf_iter_num_next(&it); // it may be null
	bpf_iter_num_destroy(&it);
	return x;
}
SEC("socket") int bad_write_element(void *ctx)
{
	struct bpf_iter_num it;
	int *v;
	bpf_iter_num_new(&it, 0, 3);
	if ((v = bpf_iter_num_next(&it)))
		*v = 1; // it may only be read
	bpf_iter_num_destroy(&it);
	return 0;
}
SEC("socket") int bad_endless(void *ctx)
{
	struct bpf_iter_num it;
	for (;;) { // a new iterator each time: nothing bounds the loop
		bpf_iter_num_new(&it, 0, 3);
		while (bpf_iter_num_next(&it))
			;
		bpf_iter_num_destroy(&it);
	}
	return 0;
}
HOOK(ok_tasks, "tp_btf/sched_switch")
{
	struct bpf_iter_task it;
	struct task_struct *t;
	int n = 0;
	bpf_iter_task_new(&it, 0, 0);
	while ((t = bpf_iter_task_next(&it)))
		n += t->pid;
	bpf_iter_task_destroy(&it);
	return n & 1;
}

// Sections.

HOOK(ok_rcu, "iter.s/task")
{
	struct task_struct *t = (void *)ctx[1];
	int pid = 0;
	if (!t)
		return 0;
	bpf_rcu_read_lock();
	pid = t->real_parent->pid;
	bpf_rcu_read_unlock();
	return pid & 1;
}
HOOK(bad_rcu_left, "iter.s/task") { bpf_rcu_read_lock(); return 0; } // it is still held
HOOK(bad_rcu_unmatched, "iter.s/task") { bpf_rcu_read_unlock(); return 0; } // it is not held
HOOK(bad_rcu_nested, "iter.s/task") { bpf_rcu_read_lock(); bpf_rcu_read_lock(); bpf_rcu_read_unlock(); bpf_rcu_read_unlock(); return 0; } // it is held
HOOK(bad_sleep_rcu, "iter.s/task") { u64 x; bpf_rcu_read_lock(); copy_from_user(&x, 8, 0); bpf_rcu_read_unlock(); return 0; } // it may sleep
HOOK(ok_sleep, "iter.s/task") { u64 x; copy_from_user(&x, 8, 0); return 0; }
HOOK(bad_sleep_preempt, "iter.s/task") { u64 x; bpf_preempt_disable(); copy_from_user(&x, 8, 0); bpf_preempt_enable(); return 0; } // it may sleep
HOOK(bad_preempt_left, "tp_btf/sched_switch") { bpf_preempt_disable(); return 0; } // it is still off
HOOK(ok_preempt_nested, "tp_btf/sched_switch") { bpf_preempt_disable(); bpf_preempt_disable(); bpf_preempt_enable(); bpf_preempt_enable(); return 0; }
HOOK(bad_parent_without_rcu, "iter.s/task")
{
	struct task_struct *t = (void *)ctx[1];
	u64 buf[4];
	if (!t)
		return 0;
	task_stack(t->real_parent, buf, sizeof(buf), 0); // nobody vouches for it
	return 0;
}
HOOK(ok_stack, "iter.s/task")
{
	struct task_struct *t = (void *)ctx[1];
	u64 buf[4];
	if (t)
		task_stack(t, buf, sizeof(buf), 0);
	return 0;
}
HOOK(bad_after_unlock, "iter.s/task")
{
	struct task_struct *t = (void *)ctx[1], *p, *q;
	if (!t)
		return 0;
	bpf_rcu_read_lock();
	p = t->real_parent;
	bpf_rcu_read_unlock();
	q = bpf_task_acquire(p); // it may be gone
	if (q)
		bpf_task_release(q);
	return 0;
}

// Dynamic pointers.

SEC("tc") int ok_slice(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice(&d, 0, buf, sizeof(buf));
	return p ? p[13] : 0;
}
SEC("tc") int bad_slice_beyond(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice(&d, 0, buf, sizeof(buf));
	return p ? p[14] : 0; // beyond it
}
SEC("tc") int bad_slice_write(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice(&d, 0, buf, sizeof(buf));
	if (p)
		p[0] = 1; // it may only be read
	return 0;
}
SEC("tc") int ok_slice_rdwr(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice_rdwr(&d, 0, buf, sizeof(buf));
	if (p)
		p[0] = 1;
	return 0;
}
SEC("tc") int bad_slice_moved(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice(&d, 0, buf, sizeof(buf));
	if (!p)
		return 0;
	pull_data(s, 0);
	return p[0]; // the packet has moved
}
SEC("tc") int bad_slice_written(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u8 buf[14];
	u8 *p;
	bpf_dynptr_from_skb(s, 0, &d);
	p = bpf_dynptr_slice(&d, 0, buf, sizeof(buf));
	if (!p)
		return 0;
	dynptr_write(&d, 0, buf, 1, 0);
	return p[0]; // the packet may have moved
}
SEC("tc") int bad_no_dynptr(struct __sk_buff *s) { struct bpf_dynptr d; return bpf_dynptr_size(&d); } // never made
SEC("xdp") int ok_xdp(struct xdp_md *x)
{
	struct bpf_dynptr d, c;
	u64 v = 0;
	bpf_dynptr_from_xdp(x, 0, &d);
	bpf_dynptr_clone(&d, &c);
	dynptr_read(&v, sizeof(v), &c, 0, 0);
	return v ? 2 : 1;
}
SEC("xdp") int bad_overwritten(struct xdp_md *x)
{
	struct bpf_dynptr d;
	bpf_dynptr_from_xdp(x, 0, &d);
	*(volatile u64 *)&d = 0; // there is none any more
	return bpf_dynptr_size(&d) ? 2 : 1;
}
SEC("xdp") int bad_read_dynptr(struct xdp_md *x)
{
	struct bpf_dynptr d;
	bpf_dynptr_from_xdp(x, 0, &d);
	return *(volatile u64 *)&d ? 2 : 1; // its bytes are the kernel's
}
SEC("tc") int ok_ring(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u64 *p;
	ringbuf_dynptr(&ring, 16, 0, &d);
	if ((p = dynptr_data(&d, 8, 8)))
		*p = 7;
	submit_dynptr(&d, 0);
	return 0;
}
SEC("tc") int bad_ring_lost(struct __sk_buff *s) { struct bpf_dynptr d; ringbuf_dynptr(&ring, 16, 0, &d); return 0; } // the record is lost
SEC("tc") int bad_ring_twice(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	ringbuf_dynptr(&ring, 16, 0, &d);
	submit_dynptr(&d, 0);
	submit_dynptr(&d, 0); // there is none any more
	return 0;
}
SEC("tc") int bad_ring_after(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u64 *p;
	ringbuf_dynptr(&ring, 16, 0, &d);
	p = dynptr_data(&d, 0, 8);
	submit_dynptr(&d, 0);
	if (p)
		*p = 1; // the record was given back
	return 0;
}
SEC("tc") int bad_ring_overwritten(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	ringbuf_dynptr(&ring, 16, 0, &d);
	*(volatile u64 *)&d = 0; // it holds a record
	submit_dynptr(&d, 0);
	return 0;
}
SEC("tc") int ok_local(struct __sk_buff *s)
{
	struct bpf_dynptr d;
	u32 key = 0;
	u64 *v = map_lookup(&cells, &key), x = 0;
	if (!v)
		return 0;
	dynptr_from_mem(v, 8, 0, &d);
	dynptr_read(&x, 8, &d, 0, 0);
	return x;
}
SEC("tc") int bad_local_stack(struct __sk_buff *s) { struct bpf_dynptr d; u64 x = 0; dynptr_from_mem(&x, 8, 0, &d); return 0; } // only of map values

// Pointers in map values.

SEC("tc") int ok_keep(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t, *old;
	if (!v)
		return 0;
	t = bpf_task_from_pid(1);
	if (!t)
		return 0;
	old = kptr_xchg(&v->owned, t);
	if (old)
		bpf_task_release(old);
	return 0;
}
SEC("tc") int bad_keep_leak(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t;
	if (!v || !(t = bpf_task_from_pid(1)))
		return 0;
	kptr_xchg(&v->owned, t); // what was there is lost
	return 0;
}
SEC("tc") int bad_keep_after(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t, *old;
	if (!v || !(t = bpf_task_from_pid(1)))
		return 0;
	old = kptr_xchg(&v->owned, t);
	if (old)
		bpf_task_release(old);
	bpf_task_release(t); // it is the map's now
	return 0;
}
SEC("tc") int bad_store_owned(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	if (v)
		*(volatile u64 *)&v->owned = 0; // by exchange only
	return 0;
}
SEC("tc") int ok_store_plain(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	if (v)
		*(volatile u64 *)&v->plain = 0;
	return 0;
}
SEC("tc") int bad_half_kptr(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	return v ? *(volatile u32 *)&v->plain : 0; // half of it
}
SEC("tc") int ok_load_owned(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t;
	if (!v)
		return 0;
	t = v->owned;
	return t ? t->pid : 0;
}
SEC("tc") int bad_release_loaded(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t;
	if (!v)
		return 0;
	t = v->owned;
	if (t)
		bpf_task_release(t); // it is the map's
	return 0;
}
SEC("tc") int bad_acquire_plain(struct __sk_buff *s)
{
	u32 key = 0;
	struct kept *v = map_lookup(&kept, &key);
	struct task_struct *t, *u;
	if (!v)
		return 0;
	t = v->plain;
	if (t && (u = bpf_task_acquire(t))) // it may be anything
		bpf_task_release(u);
	return 0;
}
