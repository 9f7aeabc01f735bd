; A callback that returns 1 is the last; the count bounds it all the same.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	.map m array key 4 value 6 entries 1
	*(u64 *)(r10 - 8) = 0
	r1 = 5
	r2 = func[body]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
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
	if r3 < 4 goto out
	r0 = 1
out:
	exit
