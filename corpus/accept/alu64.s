; 64-bit arithmetic on two words of the packet, with registers and
; immediates.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x18229621 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0xda5a5b08 packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0xda5a5aac packet=0000000000000000000000000000000000000000000000000000000000000000
; run: r0 = 0 packet=00000000000000000000000000000000000000000000000000000000000000

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
	r6 += r5
	r7 = r4
	r7 -= r5
	r8 = r4
	r8 *= r5
	r9 = r4
	r9 |= r5
	r6 ^= r7
	r6 ^= r8
	r6 += r9
	r4 &= r5
	r6 ^= r4
	r6 += -77
	r6 -= 0x7fffffff
	r6 *= -3
	r6 |= 0x10
	r6 &= -2
	r6 ^= 0x5a5a5a5a
	r6 = -r6
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
