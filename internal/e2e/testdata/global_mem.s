; Memory by pointer and size: written by the function, which may be given the stack
; or a map's value.
test verify
test kernel verdict=accept
test run mem=00000000000000000000000000000000

	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	*(u64 *)(r10 - 8) = 1
	r1 = r10
	r1 += -8
	call f
	r1 = map[m] + 8
	call f
	r0 = *(u64 *)(r10 - 8)
	exit                            ; state: R0=scalar()
.func f global mem 8
	*(u64 *)(r1 + 0) = 7            ; state: R1=mem(sz=8
	r0 = 0
	exit
; run: r0 = 0x7
