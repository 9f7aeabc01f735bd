; Every atomic operation on 64 bits of the stack.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xcfd45854 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0x5 packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0x1 packet=0000000000000080ffffffffffffffff00000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r5 = *(u64 *)(r1 + 8)
	*(u64 *)(r10 - 8) = r4
	lock *(u64 *)(r10 - 8) += r5
	lock *(u64 *)(r10 - 8) |= r4
	lock *(u64 *)(r10 - 8) &= r5
	lock *(u64 *)(r10 - 8) ^= r4
	r6 = r5
	r6 = atomic_fetch_add((u64 *)(r10 - 8), r6)
	r7 = r4
	r7 = atomic_fetch_or((u64 *)(r10 - 8), r7)
	r6 ^= r7
	r7 = r5
	r7 = atomic_fetch_and((u64 *)(r10 - 8), r7)
	r6 += r7
	r7 = r4
	r7 = atomic_fetch_xor((u64 *)(r10 - 8), r7)
	r6 ^= r7
	r7 = r4
	r7 = xchg_64(r10 - 8, r7)
	r6 += r7
	r0 = r4
	r8 = r5
	r0 = cmpxchg_64(r10 - 8, r0, r8)
	r6 ^= r0
	r0 = 1
	r0 = cmpxchg_64(r10 - 8, r0, r4)
	r6 += r0
	r0 = *(u64 *)(r10 - 8)
	r6 ^= r0
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
