; Swaps the Ethernet addresses in place and sends the packet back.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x3 packet=0a0b0c0d0e0f0102030405060800111111111111111111111111111111111111 data=0102030405060a0b0c0d0e0f0800111111111111111111111111111111111111

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 14
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u32 *)(r1 + 0)
	r5 = *(u16 *)(r1 + 4)
	r6 = *(u32 *)(r1 + 6)
	r7 = *(u16 *)(r1 + 10)
	*(u32 *)(r1 + 6) = r4
	*(u16 *)(r1 + 10) = r5
	*(u32 *)(r1 + 0) = r6
	*(u16 *)(r1 + 4) = r7
	r0 = 3
out:
	exit
