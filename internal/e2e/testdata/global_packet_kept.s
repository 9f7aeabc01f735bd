; A function that cannot move the packet leaves the caller what it knew.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	r6 = r1
	r7 = *(u32 *)(r1 + 0)
	r8 = *(u32 *)(r1 + 4)
	r2 = r7
	r2 += 14
	r0 = 2
	if r2 > r8 goto out
	call f
	r0 = *(u8 *)(r7 + 13)
	r0 = 2
out:
	exit
.func f global ctx
	r0 = *(u32 *)(r1 + 12)
	exit
