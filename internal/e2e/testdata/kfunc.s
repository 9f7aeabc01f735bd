test verify domain=tnum+interval

	.type xdp
	call kfunc[7]                   ; unknown: unsupported kfunc
	r0 = 0
	exit
