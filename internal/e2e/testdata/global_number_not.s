; A pointer in the place of a number.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	call f                          ; error: helper-arg R1 is not a scalar
	r0 = 2
	exit
.func f global number
	r0 = 0
	exit
