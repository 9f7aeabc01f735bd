; A load from the stack at an offset that is not bounded.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject stack-bounds
; kernel: unbounded

.type xdp

	r2 = *(u32 *)(r1 + 12)
	*(u64 *)(r10 - 8) = 0
	r3 = r10
	r3 += r2
	r0 = *(u8 *)(r3 - 8)
	exit
