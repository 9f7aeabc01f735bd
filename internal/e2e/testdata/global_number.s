; A global function is verified by itself: in it the number is any, and behind the
; call the result is.
test verify
test kernel verdict=accept
test run mem=00000000000000000000000000000000

	.type xdp
	.license GPL
	r1 = 40
	call f
	r0 += 1
	exit
.func f global number
	r0 = r1                         ; state: R1=scalar()
	r0 += 1
	exit
; run: r0 = 0x2a
