; A pointer is multiplied.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject ptr-arith
; kernel: pointer arithmetic with *= operator prohibited

.type xdp

	r1 *= 2
	r0 = 0
	exit
