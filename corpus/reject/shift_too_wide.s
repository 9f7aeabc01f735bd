; A constant shift by the width.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject bad-operand
; kernel: invalid shift 64

.type xdp

	r0 = 1
	r0 <<= 64
	exit
