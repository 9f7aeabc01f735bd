test verify domain=tnum+interval
test kernel verdict=accept

; A 32-bit branch and a 64-bit one that exclude each other leave nothing.
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
	if w1 < 20 goto out
	if r2 > 10 goto out
	r0 = *(u8 *)(r2 + 0)
out:
	r0 = 0
	exit
