test verify domain=tnum+interval
test kernel verdict=accept
test run    mem=0000000000000000000000000000
test prove  amd64

; The contents of a frozen map are constants.
	.type xdp
	.map m array key 4 value 16 entries 1
	.map c array key 4 value 8 entries 1 flags 128 frozen
	.elem c 00000000 0f00000003000000
	r1 = map[c] + 0
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u8 *)(r1 + 4)            ; state: R2=15
	r1 = map[m] + 0                 ; state: R3=3
	r1 += r2
	r0 = *(u8 *)(r1 + 0)
	r0 += r3
	exit
; run: r0 = 0x3
