; A key that reaches above the frame.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject stack-bounds
; kernel: R2 off=-2 size=4

.type xdp
.map m array key 4 value 8 entries 4

	*(u16 *)(r10 - 2) = 0
	r1 = map[m]
	r2 = r10
	r2 += -2
	call map_lookup_elem
	r0 = 0
	exit
