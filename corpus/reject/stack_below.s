; A store below the 512 bytes of the frame.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject stack-bounds
; kernel: invalid write to stack R10 off=-520 size=8

.type xdp

	*(u64 *)(r10 - 520) = 0
	r0 = 0
	exit
