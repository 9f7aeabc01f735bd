; A store at the frame pointer, above the frame.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject stack-bounds
; kernel: invalid write to stack R10 off=0 size=8

.type xdp

	r1 = 0
	*(u64 *)(r10 + 0) = r1
	r0 = 0
	exit
