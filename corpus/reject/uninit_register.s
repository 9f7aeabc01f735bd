; A register that nothing has written is read.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject uninit-read
; kernel: R2 !read_ok

.type xdp

	r0 = r2
	exit
