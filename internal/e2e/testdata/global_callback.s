; A callback is static.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 = 5
	r2 = func[f]                    ; error: helper-arg callback function not static
	r3 = 0
	r4 = 0
	call loop
	r0 = 2
	exit
.func f global number number
	r0 = 0
	exit
