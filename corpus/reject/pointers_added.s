; Two pointers are added.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject ptr-arith
; kernel: pointer += pointer prohibited

.type xdp

	r2 = r10
	r2 += r1
	r0 = 0
	exit
