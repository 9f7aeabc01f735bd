; The memory is smaller than the function takes.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 = r10
	r1 += -8
	call f                          ; error: stack-bounds
	r0 = 2
	exit
.func f global mem 16
	r0 = 0
	exit
