; A helper that takes a map gets a number.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject helper-arg
; kernel: R1 type=scalar expected=map_ptr

.type xdp

	*(u32 *)(r10 - 4) = 0
	r1 = 1
	r2 = r10
	r2 += -4
	call map_lookup_elem
	r0 = 0
	exit
