; A packet pointer is used after the packet has moved.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject bad-deref
; kernel: invalid mem access 'scalar'

.type xdp

	r6 = r1
	r2 = *(u32 *)(r1 + 4)
	r7 = *(u32 *)(r1 + 0)
	r3 = r7
	r3 += 14
	r0 = 0
	if r3 > r2 goto out
	r2 = 4
	call xdp_adjust_head
	r0 = *(u8 *)(r7 + 0)
out:
	exit
