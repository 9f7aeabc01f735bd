test verify domain=tnum+interval
test kernel verdict=accept

; A flag on the stack does the same.
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
	*(u32 *)(r10 - 16) = 0
	if r1 > 15 goto join
	*(u32 *)(r10 - 16) = 1
join:
	r2 = *(u32 *)(r10 - 16)
	if r2 == 0 goto out
	r0 += r1
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
