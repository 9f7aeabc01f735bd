; A static function that a global one calls is walked with what that one knows.
test verify
test kernel verdict=accept
test run mem=00000000000000000000000000000000

	.type xdp
	.license GPL
	r1 = 12
	call f
	exit
.func f global number
	r1 &= 7
	call g
	r1 = r0
	call h
	exit
.func g
	r0 = r1                         ; state: R1=scalar(smin=0,smax=7
	exit
.func h global number
	r0 = r1
	r0 += 1
	exit
; run: r0 = 0x5
