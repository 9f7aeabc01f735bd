; Unsigned division and remainder of both widths. By zero the quotient is 0
; and the remainder the dividend (RFC 9669, section 4.1).
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x26768867 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0xd0c50bfb packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0x26768867 packet=0102030405060708000000000000000000000000000000000000000000000000
; run: r0 = 0xa7b27cb5 packet=ffffffffffffffff000000000100000000000000000000000000000000000000

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
	r6 /= r5
	r7 = r4
	r7 %= r5
	r8 = r4
	w8 /= w5
	r9 = r4
	w9 %= w5
	r6 += r7
	r8 <<= 1
	r6 ^= r8
	r9 <<= 2
	r6 ^= r9
	r7 = r4
	r7 /= 10
	r6 += r7
	r7 = r4
	r7 %= 1000
	r6 += r7
	r7 = r4
	w7 /= 7
	r6 += r7
	w4 %= 13
	r6 += r4
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
