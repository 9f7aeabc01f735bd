; The function may move the packet, so what the caller knew of it is lost.
test verify
test kernel verdict=reject

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
	r0 = *(u8 *)(r7 + 13)           ; error: bad-deref
	r0 = 2
out:
	exit
.func f global ctx
	r2 = -14
	call xdp_adjust_head
	r0 = 0
	exit
