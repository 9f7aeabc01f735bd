; Safe for what its only caller gives, but not for all that its prototype allows.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	r1 = 3
	call f
	r0 = 2
	exit
.func f global number
	r2 = map[m] + 0
	r2 += r1                        ; error: ptr-arith
	r0 = *(u8 *)(r2 + 0)
	r0 = 0
	exit
