; A pointer that may be null has to be compared with null first, whatever the caller
; gives.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -8
	call f
	r0 = 2
	exit
.func f global mem 8 null
	r0 = *(u64 *)(r1 + 0)           ; error: null-deref
	exit
