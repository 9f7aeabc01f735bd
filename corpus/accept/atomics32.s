; Every atomic operation on 32 bits of the stack: the other half stays as it is,
; and fetched values are extended with zeros.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x543b2d16 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0xfffffffb packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0x80000000 packet=0000000000000080ffffffffffffffff00000000000000000000000000000000

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
	lock *(u32 *)(r10 - 8) += w5
	lock *(u32 *)(r10 - 8) |= w4
	lock *(u32 *)(r10 - 8) &= w5
	lock *(u32 *)(r10 - 8) ^= w4
	r6 = r5
	w6 = atomic_fetch_add((u32 *)(r10 - 8), w6)
	r7 = r4
	w7 = atomic_fetch_or((u32 *)(r10 - 8), w7)
	r6 ^= r7
	r7 = r5
	w7 = atomic_fetch_and((u32 *)(r10 - 8), w7)
	r6 += r7
	r7 = r4
	w7 = atomic_fetch_xor((u32 *)(r10 - 8), w7)
	r6 ^= r7
	r7 = r4
	w7 = xchg32_32(r10 - 8, w7)
	r6 += r7
	r0 = r4
	r8 = r5
	w0 = cmpxchg32_32(r10 - 8, w0, w8)
	r6 ^= r0
	r0 = 1
	w0 = cmpxchg32_32(r10 - 8, w0, w4)
	r6 += r0
	r0 = *(u64 *)(r10 - 8)
	r6 ^= r0
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
