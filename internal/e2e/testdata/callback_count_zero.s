; A count of 0: the callback, which is not safe, is never called.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	r1 = 0
	r2 = func[body]
	r3 = 0
	r4 = 0
	call loop
	r0 = 2
	exit
.func body
	r0 = *(u8 *)(r2 + 0)
	r0 = 0
	exit
