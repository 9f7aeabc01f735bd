; Instructions that no path leads to.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject unreachable
; kernel: unreachable insn 2

.type xdp

	r0 = 0
	exit
	r0 = 1
	exit
