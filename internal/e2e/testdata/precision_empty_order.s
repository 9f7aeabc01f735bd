test verify domain=tnum+interval
test kernel verdict=accept

; Three branches that exclude each other leave nothing: r1 < r2, r2 < r3, r3 < r1 below 3.
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
	if r2 > 1 goto out
	if r1 >= r2 goto out
	if r1 == 0 goto out
	r0 = *(u8 *)(r2 + 0)
out:
	r0 = 0
	exit
