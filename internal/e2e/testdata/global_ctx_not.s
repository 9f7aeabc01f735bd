; A number in the place of the context.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 = 0
	call f                          ; error: helper-arg arg#0 expects pointer to ctx
	r0 = 2
	exit
.func f global ctx
	r0 = 0
	exit
