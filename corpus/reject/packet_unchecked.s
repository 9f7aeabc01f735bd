; The packet is read without a comparison with its end.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject packet-bounds
; kernel: invalid access to packet, off=0 size=1

.type xdp

	r1 = *(u32 *)(r1 + 0)
	r0 = *(u8 *)(r1 + 0)
	exit
