; r1 to r5 do not survive a helper call.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject uninit-read
; kernel: R2 !read_ok

.type xdp

	r2 = 7
	call get_prandom_u32
	r0 = r2
	exit
