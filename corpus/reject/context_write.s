; XDP's context cannot be written here.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject ctx-access
; kernel: invalid bpf_context access off=12 size=4

.type xdp

	r2 = 1
	*(u32 *)(r1 + 12) = r2
	r0 = 0
	exit
