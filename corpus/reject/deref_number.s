; A number is used as an address.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject bad-deref
; kernel: R1 invalid mem access 'scalar'

.type xdp

	r1 = 0x1000
	r0 = *(u64 *)(r1 + 0)
	exit
