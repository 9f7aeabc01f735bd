; The frames of a chain of calls take 512 bytes at most, also where the functions are
; verified apart.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	*(u64 *)(r10 - 400) = 0         ; error: stack-total
	r1 = 5
	call f
	r0 = 2
	exit
.func f global number
	*(u64 *)(r10 - 200) = 0
	r0 = 0
	exit
