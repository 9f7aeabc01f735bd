; Not the context itself.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 += 4
	call f                          ; error: ctx-access
	r0 = 2
	exit
.func f global ctx
	r0 = 0
	exit
