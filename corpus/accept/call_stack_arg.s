; A subprogram writes to its caller's stack through a pointer.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x2a

.type xdp

	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	r2 = 42
	call store
	r0 = *(u64 *)(r10 - 8)
	exit
.func store
	*(u64 *)(r1 + 0) = r2
	r0 = 0
	exit
