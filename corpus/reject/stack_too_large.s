; Two frames of 512 bytes in one chain.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject stack-total
; kernel: combined stack size of 2 calls is

.type xdp

	*(u64 *)(r10 - 512) = 0
	call callee
	exit
.func callee
	*(u64 *)(r10 - 512) = 0
	r0 = 0
	exit
