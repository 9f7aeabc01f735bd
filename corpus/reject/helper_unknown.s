; A helper that does not exist.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject helper-unknown
; kernel: invalid func unknown#9999

.type xdp

	call 9999
	r0 = 0
	exit
