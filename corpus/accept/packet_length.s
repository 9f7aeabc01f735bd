; The difference of the packet's pointers is its length.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 14 packet=0000000000000000000000000000
; run: r0 = 100 packet=abababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababababab

.type xdp

	r0 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 -= r1
	exit
