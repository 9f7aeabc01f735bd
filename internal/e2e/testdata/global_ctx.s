; The context, and a number; the function reads the packet by itself.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	r2 = 1
	call f
	exit
.func f global ctx number
	r3 = *(u32 *)(r1 + 4)
	r4 = *(u32 *)(r1 + 0)
	r5 = r4
	r5 += 14
	r0 = 2
	if r5 > r3 goto out
	r0 = *(u8 *)(r4 + 13)
	r0 &= 1
	r0 += 1
out:
	exit
