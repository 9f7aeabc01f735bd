; The frame pointer cannot be written.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject frame-write
; kernel: frame pointer is read only

.type xdp

	r10 += -8
	r0 = 0
	exit
