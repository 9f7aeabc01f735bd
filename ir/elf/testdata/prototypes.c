// SPDX-License-Identifier: Apache-2.0
// Global functions by what they take; a hidden one, which loaders make static.
#include "bpfproof.h"

#define TAG(name) __attribute__((btf_decl_tag("arg:" name)))

struct pair { int a, b; };
struct task_struct;
typedef unsigned short number;
enum colour { red, green };

NOINLINE int takes_numbers(int a, number b, enum colour c, unsigned char d)
{
	return a + b + c + d;
}

NOINLINE int takes_memory(struct pair *p, const int *q TAG("nonnull"), char (*r)[24])
{
	int n = q[0];

	if (p)
		n += p->b;
	if (r)
		n += (*r)[23];
	return n;
}

NOINLINE int takes_context(struct xdp_md *ctx, void *same TAG("ctx"))
{
	return ctx->rx_queue_index + (same == ctx);
}

NOINLINE int takes_others(void *p, struct task_struct *t TAG("trusted"))
{
	return (p != 0) + (t != 0);
}

NOINLINE void gives_nothing(int a)
{
	asm volatile("" ::"r"(a));
}

__attribute__((visibility("hidden"))) NOINLINE int hidden(int a)
{
	return a * 5;
}

SEC("xdp")
int prototypes(struct xdp_md *ctx)
{
	struct pair p = {1, 2};
	char r[24] = {};
	int n = hidden(takes_numbers(1, 2, green, 4)) + takes_memory(&p, &p.b, &r) + takes_context(ctx, ctx);

	gives_nothing(n);
	return n + takes_others(ctx, (struct task_struct *)(long)n);
}

char _license[] SEC("license") = "GPL";
