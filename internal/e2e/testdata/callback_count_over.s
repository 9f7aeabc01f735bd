; One call more than the value has room for.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m array key 4 value 4 entries 1
	*(u64 *)(r10 - 8) = 0
	r1 = 4
	r2 = func[body]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r1 = *(u64 *)(r10 - 8)
	r2 = map[m] + 0
	r2 += r1
	r0 = *(u8 *)(r2 + 0)            ; error: map-value-bounds invalid access to map value, value_size=4 off=4 size=1
	r0 = 2
	exit
.func body
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit
