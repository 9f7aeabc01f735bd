; r3 is written on one of two paths only.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject uninit-read
; kernel: R3 !read_ok

.type xdp

	r2 = *(u32 *)(r1 + 12)
	if r2 == 0 goto join
	r3 = 1
join:
	r0 = r3
	exit
