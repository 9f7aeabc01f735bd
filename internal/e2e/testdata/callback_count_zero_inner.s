; As in callback_count_zero.s, in a callback. Linux 6.18 removes the function that is
; never called, finds that it is referred to, and takes that for a mistake of its own.
test verify
test kernel verdict=unknown

	.type xdp
	.license GPL
	r1 = 3
	r2 = func[outer]
	r3 = 0
	r4 = 0
	call loop
	r0 = 2
	exit
.func outer
	r1 = 0
	r2 = func[inner]
	r3 = 0
	r4 = 0
	call loop
	r0 = 0
	exit
.func inner
	r0 = *(u8 *)(r2 + 0)
	r0 = 0
	exit
