test verify domain=tnum+interval
test kernel verdict=reject

; x - x is 0, also through a copy.
	.type sched_cls
	.license GPL
	.map m hash key 4 value 16 entries 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r2 = r1
	r2 -= r1
	r0 += r2
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
