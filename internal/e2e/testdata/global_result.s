; The caller knows nothing of the result, though the function returns 0 always.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	r1 = 3
	call f
	r2 = map[m] + 0
	r2 += r0                        ; error: ptr-arith
	r0 = *(u8 *)(r2 + 0)
	r0 = 2
	exit
.func f global number
	r0 = 0
	exit
