test verify domain=tnum+interval
test kernel verdict=accept

; A spill of the low half of a number that fits is a copy of it.
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
	*(u32 *)(r10 - 16) = r1
	if r1 > 15 goto out
	r2 = *(u32 *)(r10 - 16)
	r0 += r2
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
