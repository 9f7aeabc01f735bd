test verify domain=tnum+interval
test kernel verdict=accept

; A null check is remembered for copies, and over a join where a flag stands for it.
	.type sched_cls
	.license GPL
	.map m hash key 4 value 16 entries 4
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	if r0 == 0 goto out
	r6 = r0
	r7 = 1
	call get_prandom_u32
	if r0 == 5 goto join
	r7 = 0
	r6 = 0
join:
	if r7 == 0 goto out
	r3 = *(u8 *)(r6 + 15)
out:
	r0 = 0
	exit
