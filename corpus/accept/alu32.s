; 32-bit arithmetic: results are cut to 32 bits and the upper half of the
; register is cleared, which the last shift shows.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x3c640572 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0x25a5a4f6 packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0x25a5a55a packet=0000000000000080ffffffffffffffff00000000000000000000000000000000

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
	w6 += w5
	r7 = r4
	w7 -= w5
	r8 = r4
	w8 *= w5
	r9 = r4
	w9 |= w5
	w6 ^= w7
	w6 ^= w8
	w6 += w9
	w4 &= w5
	w6 ^= w4
	w6 += -77
	w6 -= 0x7fffffff
	w6 *= -3
	w6 |= 0x10
	w6 &= -2
	w6 ^= 0x5a5a5a5a
	w6 = -w6
	r0 = r6
	r6 |= r7
	r6 |= r8
	r6 |= r9
	r6 >>= 32
	r0 += r6
out:
	exit
