test verify domain=tnum+interval
test kernel verdict=reject
test prove  amd64

; What is loaded at an unknown index of a frozen map is one of its elements.
	.type xdp
	.map m array key 4 value 16 entries 1
	.map c array key 4 value 8 entries 1 flags 128 frozen
	.elem c 00000000 0f00000003000000
	r3 = *(u32 *)(r1 + 12)
	r3 &= 1
	r3 <<= 2
	r1 = map[c] + 0
	r1 += r3
	r2 = *(u32 *)(r1 + 0)
	r1 = map[m] + 0                 ; state: R2=scalar(smin=3,smax=15
	r1 += r2
	r0 = *(u8 *)(r1 + 0)
	r0 += r2
	exit
