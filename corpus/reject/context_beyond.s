; The context has no field at this offset.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject ctx-access
; kernel: invalid bpf_context access off=24 size=4

.type xdp

	r0 = *(u32 *)(r1 + 24)
	exit
