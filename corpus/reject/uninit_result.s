; The program ends without a result.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject uninit-read
; kernel: R0 !read_ok

.type xdp

	r6 = 1
	exit
