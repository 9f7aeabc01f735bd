test verify domain=tnum+interval
test run    mem=0f0203040506070811121314151617
test prove  amd64

	.type xdp
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 14
	if r3 > r2 goto short
	r2 = *(u8 *)(r1 + 0)            ; state: R1=pkt(r=14)
	r2 &= 7
	if r2 > 7 goto dead             ; dead: taken
	r2 += 1
	r0 = r2                         ; state: R2=scalar(smin=1,smax=8
	exit
dead:
	r0 = 99
	exit
short:
	r0 = 0
	exit
; run: r0 = 0x8
