; Stores and loads of all sizes on the stack; smaller loads see parts of what
; a larger store wrote.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xefc52ed3 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0xedcdd02c packet=f8ffffffffffffff030000000000000000000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	*(u64 *)(r10 - 8) = r4
	*(u32 *)(r10 - 12) = r4
	*(u16 *)(r10 - 14) = r4
	*(u8 *)(r10 - 15) = r4
	*(u8 *)(r10 - 16) = 0x5a
	*(u16 *)(r10 - 18) = -2
	*(u32 *)(r10 - 24) = 0x12345678
	*(u16 *)(r10 - 20) = 0x7fff
	*(u64 *)(r10 - 32) = -5
	*(u64 *)(r10 - 512) = r4
	r6 = *(u64 *)(r10 - 16)
	r7 = *(u64 *)(r10 - 24)
	r6 ^= r7
	r7 = *(u64 *)(r10 - 32)
	r6 += r7
	r7 = *(u8 *)(r10 - 5)
	r6 += r7
	r7 = *(u16 *)(r10 - 4)
	r6 ^= r7
	r7 = *(u32 *)(r10 - 8)
	r6 += r7
	r7 = *(u8 *)(r10 - 505)
	r6 ^= r7
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
