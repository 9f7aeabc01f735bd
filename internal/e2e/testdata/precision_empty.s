test verify domain=tnum+interval
test kernel verdict=reject

; No multiple of 4 lies in [5, 7]: bits and bounds together leave nothing, so
; what follows is never reached.
	.type sched_cls
	.license GPL
	call get_prandom_u32
	r0 &= 60
	if r0 < 5 goto out
	if r0 > 7 goto out
	r0 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
