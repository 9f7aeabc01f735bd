; Each frame counts the calls of the helper that it called: two of the outer one, and
; in each three of the inner one, make eight at most.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	.map m array key 4 value 9 entries 1
	*(u64 *)(r10 - 8) = 0
	r1 = 2
	r2 = func[outer]
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
.func outer
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r3 = r2
	r1 = 3
	r2 = func[body]
	r4 = 0
	call loop
	r0 = 0
	exit
.func body
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit
