; Moves the packet's start forward by 4 bytes and reads behind it, with new
; pointers.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x5 packet=0102030405060708090a0b0c0d0e0f1011121314 data=05060708090a0b0c0d0e0f1011121314

.type xdp

	r6 = r1
	r2 = 4
	call xdp_adjust_head
	if r0 != 0 goto bad
	r2 = *(u32 *)(r6 + 4)
	r1 = *(u32 *)(r6 + 0)
	r3 = r1
	r3 += 1
	if r3 > r2 goto bad
	r0 = *(u8 *)(r1 + 0)
	exit
bad:
	r0 = 0
	exit
