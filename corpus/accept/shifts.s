; Shifts of both widths by immediates and by registers; counts are masked to
; the width.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x7d1b877e packet=f1e2d3c4b5a69788450000000000000000000000000000000000000000000000
; run: r0 = 0x9601040b packet=0102030405060708000000000000000000000000000000000000000000000000
; run: r0 = 0x7effbf packet=80000000000000ff3f0000000000000000000000000000000000000000000000
; run: r0 = 0xfffffe01 packet=ffffffffffffffff200000000000000000000000000000000000000000000000

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
	r6 <<= r5
	r7 = r4
	r7 >>= r5
	r8 = r4
	r8 s>>= r5
	r6 ^= r7
	r6 ^= r8
	r7 = r4
	w7 <<= w5
	r6 += r7
	r7 = r4
	w7 >>= w5
	r6 += r7
	r7 = r4
	w7 s>>= w5
	r6 += r7
	r7 = r4
	r7 <<= 9
	r6 ^= r7
	r7 = r4
	r7 >>= 63
	r6 ^= r7
	r7 = r4
	r7 s>>= 33
	r6 ^= r7
	r7 = r4
	w7 <<= 31
	r6 ^= r7
	r7 = r4
	w7 >>= 1
	r6 ^= r7
	r7 = r4
	w7 s>>= 31
	r6 ^= r7
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
