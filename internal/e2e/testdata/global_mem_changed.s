; What lay in the memory that a global function was given may be anything behind the
; call.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	*(u64 *)(r10 - 8) = 1
	r1 = r10
	r1 += -8
	call f
	r1 = *(u64 *)(r10 - 8)
	r2 = map[m] + 0
	r2 += r1                        ; error: ptr-arith
	r0 = *(u8 *)(r2 + 0)
	r0 = 2
	exit
.func f global mem 8
	r0 = 0
	exit
