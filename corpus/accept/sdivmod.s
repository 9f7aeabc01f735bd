; Signed division and remainder of both widths: truncated towards zero, with
; the most negative number by -1 and anything by 0 defined.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xfffffffb packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0xdb6db6d9 packet=0000000000000080ffffffffffffffff00000000000000000000000000000000
; run: r0 = 0xf1c71c70 packet=0000008000000080000000000000000000000000000000000000000000000000
; run: r0 = 0xb8e38e38 packet=00000080ffffffffffffffff0000000000000000000000000000000000000000
; run: r0 = 0x1 packet=f9ffffffffffffff02000000ffffffff00000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r5 = *(u64 *)(r1 + 8)
	r6 = r4
	r6 s/= r5
	r7 = r4
	r7 s%= r5
	r8 = r4
	w8 s/= w5
	r9 = r4
	w9 s%= w5
	r6 ^= r7
	r8 <<= 1
	r6 ^= r8
	r9 <<= 2
	r6 ^= r9
	r7 = r4
	r7 s/= -7
	r6 ^= r7
	r7 = r4
	r7 s%= -5
	r6 ^= r7
	r7 = r4
	w7 s/= 3
	r6 ^= r7
	w4 s%= 4
	r6 ^= r4
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
