; 32-bit arithmetic on a pointer.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject ptr-arith
; kernel: 32-bit pointer arithmetic prohibited

.type xdp

	r1 = r10
	w1 += 4
	r0 = 0
	exit
