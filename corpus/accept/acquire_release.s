; Load-acquire and store-release of every width on the stack: a store leaves
; the bytes beside it, a load extends with zeros.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x405f811 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0x3ea packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0xfe01 packet=0000000000000080ffffffffffffffff00000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r5 = *(u64 *)(r1 + 8)
	store_release((u64 *)(r10 - 8), r4)
	store_release((u64 *)(r10 - 16), r5)
	r6 = load_acquire((u64 *)(r10 - 8))
	store_release((u8 *)(r10 - 7), r5)
	store_release((u16 *)(r10 - 4), r5)
	r7 = load_acquire((u64 *)(r10 - 8))
	r6 += r7
	store_release((u32 *)(r10 - 12), r4)
	r7 = load_acquire((u64 *)(r10 - 16))
	r6 ^= r7
	r7 = -1
	r7 = load_acquire((u8 *)(r10 - 7))
	r6 += r7
	r7 = -1
	r7 = load_acquire((u16 *)(r10 - 4))
	r6 ^= r7
	r7 = -1
	r7 = load_acquire((u32 *)(r10 - 12))
	r6 += r7
	r8 = r10
	r8 = load_acquire((u64 *)(r8 - 16))
	r6 ^= r8
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
