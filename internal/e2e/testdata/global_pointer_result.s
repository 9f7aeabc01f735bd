; The result is a number.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	call f
	r0 = 2
	exit
.func f global ctx
	r0 = r1
	exit                            ; error: return-value At subprogram exit the register R0 is not a scalar value
