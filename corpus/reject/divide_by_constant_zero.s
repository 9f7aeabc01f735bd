; Division by the constant 0.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject bad-operand
; kernel: div by zero

.type xdp

	r0 = 1
	r0 /= 0
	exit
