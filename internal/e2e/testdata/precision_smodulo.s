test verify domain=tnum+interval
test kernel verdict=reject

; And the rest, which has the sign of the dividend.
	.type sched_cls
	.license GPL
	.map m hash key 4 value 16 entries 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u8 *)(r0 + 0)
	r2 = *(u8 *)(r0 + 1)
	r2 &= 7
	r2 |= 8
	r1 s%= r2
	r0 += r1
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
