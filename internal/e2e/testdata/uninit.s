test verify domain=tnum+interval

	.type xdp
	r0 = r2                         ; error: uninit-read R2
	exit
