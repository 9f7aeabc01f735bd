; A loop that changes nothing.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject infinite-loop
; kernel: infinite loop detected

.type xdp

	r0 = 0
again:
	if r0 == 0 goto again
	exit
