; The helper may be done before it called back at all.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m array key 4 value 4 entries 1
	*(u64 *)(r10 - 8) = 99
	r1 = 3
	r2 = func[body]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r1 = *(u64 *)(r10 - 8)
	r2 = map[m] + 0
	r2 += r1
	r0 = *(u8 *)(r2 + 0)            ; error: map-value-bounds
	r0 = 2
	exit
.func body
	*(u64 *)(r2 + 0) = 0
	r0 = 0
	exit
