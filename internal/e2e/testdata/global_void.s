; A global function returns a number.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 = 5
	call f                          ; error: helper-arg
	r0 = 2
	exit
.func f global number void
	r0 = 0
	exit
