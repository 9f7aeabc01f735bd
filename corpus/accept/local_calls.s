; Subprograms: arguments, results, kept registers, a frame of their own, and a
; call within a call.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x7f

.type xdp

	r6 = 3
	*(u64 *)(r10 - 8) = 100
	r1 = 5
	r2 = 7
	call add_twice
	r0 += r6
	r1 = *(u64 *)(r10 - 8)
	r0 += r1
	exit
.func add_twice
	r6 = r1
	r7 = r2
	*(u64 *)(r10 - 8) = -1
	call add
	r8 = r0
	r1 = r6
	r2 = r7
	call add
	r0 += r8
	exit
.func add
	r0 = r1
	r0 += r2
	*(u64 *)(r10 - 8) = r0
	r6 = 0
	exit
