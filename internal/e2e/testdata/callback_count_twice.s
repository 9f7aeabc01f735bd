; The second call of the helper begins to count anew: six in all.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	.map m array key 4 value 7 entries 1
	*(u64 *)(r10 - 8) = 0
	r6 = 0
again:
	r1 = 3
	r2 = func[body]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r6 += 1
	if r6 < 2 goto again
	r1 = *(u64 *)(r10 - 8)
	r2 = map[m] + 0
	r2 += r1
	r0 = *(u8 *)(r2 + 0)
	r0 = 2
	exit
.func body
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit
