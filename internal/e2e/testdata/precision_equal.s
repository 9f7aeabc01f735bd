test verify domain=tnum+interval
test kernel verdict=reject

; Registers that a branch has shown to be equal learn from each other.
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
	r2 = *(u64 *)(r0 + 8)
	if r1 != r2 goto out
	if r1 > 15 goto out
	r0 += r2
	r3 = *(u8 *)(r0 + 0)
out:
	r0 = 0
	exit
