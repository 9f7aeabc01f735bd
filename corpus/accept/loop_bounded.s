; Sums the packet's first bytes in a loop with a constant bound.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x69 packet=0102030405060708090a0b0c0d0e0f10
; run: r0 = 0x0 packet=0000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 = 0
	r5 = 0
again:
	r3 = r1
	r3 += 1
	if r3 > r2 goto out
	r4 = *(u8 *)(r1 + 0)
	r0 += r4
	r1 += 1
	r5 += 1
	if r5 < 14 goto again
out:
	exit
