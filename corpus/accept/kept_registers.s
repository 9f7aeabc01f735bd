; r6 to r9 keep their values over a helper call; r0 is the only one to come
; back.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x6

.type xdp

	r6 = 1
	r7 = 2
	r8 = 3
	r9 = r10
	call get_smp_processor_id
	r0 = r6
	r0 += r7
	r0 += r8
	*(u64 *)(r9 - 8) = r0
	r0 = *(u64 *)(r10 - 8)
	exit
