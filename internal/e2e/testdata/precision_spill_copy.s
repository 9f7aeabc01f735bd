test verify domain=tnum+interval
test kernel verdict=reject

; A copy plus a constant stays linked on the stack.
	.type sched_cls
	.license GPL
	.map m hash key 4 value 16 entries 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u32 *)(r0 + 0)
	r2 = r1
	r2 += 4
	*(u64 *)(r10 - 16) = r2
	if r1 > 11 goto out
	r2 = *(u64 *)(r10 - 16)
	r0 += r2
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
