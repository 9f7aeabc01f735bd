; Null, what may be null, and what is not are all good for a pointer that may be null.
test verify
test kernel verdict=accept
test run mem=00000000000000000000000000000000

	.type xdp
	.license GPL
	.map m hash key 4 value 8 entries 1
	*(u64 *)(r10 - 8) = 5
	r1 = r10
	r1 += -8
	call f
	r6 = r0
	r1 = 0
	call f
	r6 += r0
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	r1 = r0
	call f
	r0 += r6
	exit
.func f global mem 8 null
	r0 = 0
	if r1 == 0 goto out
	r0 = *(u64 *)(r1 + 0)
out:
	exit
; run: r0 = 0x5
