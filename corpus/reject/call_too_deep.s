; A chain of nine frames.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject call-depth
; kernel: the call stack of 9 frames is too deep

.type xdp

	call f1
	exit
.func f1
	call f2
	exit
.func f2
	call f3
	exit
.func f3
	call f4
	exit
.func f4
	call f5
	exit
.func f5
	call f6
	exit
.func f6
	call f7
	exit
.func f7
	call f8
	exit
.func f8
	r0 = 0
	exit
