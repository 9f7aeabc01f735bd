; A byte of the packet says where another one lies; it is bounded and then
; checked against the end.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x77 packet=0f000000000000000000000000000077
; run: r0 = 0x1 packet=0f0000000000000000000000000000
; run: r0 = 0x66 packet=f166000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 1
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u8 *)(r1 + 0)
	r4 &= 15
	r1 += r4
	r3 = r1
	r3 += 1
	r0 = 1
	if r3 > r2 goto out
	r0 = *(u8 *)(r1 + 0)
out:
	exit
