/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the benchmark programs. Each is an XDP program that reads all
 * its input from the packet, so that no compiler knows the result, and returns
 * a digest of what it computed. The same source is compiled for the machine by
 * the benchmark and called with the same context: packets lie below 4 GiB
 * there too, so that xdp_md's 32-bit fields hold whole addresses.
 */
#ifndef BPFPROOF_BENCH_H
#define BPFPROOF_BENCH_H

#include "bpfproof.h"

/* BENCH opens a program that needs the first `need` bytes of its packet at `p`. */
#define BENCH(name, need)                                                  \
	INLINE u32 name##_body(u8 *p);                              \
	SEC("xdp") int name(struct xdp_md *ctx)                            \
	{                                                                  \
		u8 *data = (u8 *)(unsigned long)ctx->data;                 \
		u8 *end = (u8 *)(unsigned long)ctx->data_end;              \
		if (data + (need) > end)                                   \
			return 0;                                          \
		return name##_body(data);                                  \
	}                                                                  \
	INLINE u32 name##_body(u8 *p)

/* ROLLED keeps a loop a loop: what is measured is its body, not its unrolling. */
#ifdef __clang__
#define ROLLED _Pragma("clang loop unroll(disable) vectorize(disable)")
#else
#define ROLLED _Pragma("GCC unroll 1")
#endif

/* KEEP hides from the compiler what it knows of x. */
#define KEEP(x) __asm__ volatile("" : "+r"(x))

#define LOAD16(p) (*(const u16 *)(p))
#define LOAD32(p) (*(const u32 *)(p))
#define LOAD64(p) (*(const u64 *)(p))

INLINE u32 fold(u64 x) { return (u32)(x ^ x >> 32); }

#endif
