; What may be null, for a pointer that is promised not to be null.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	.map m hash key 4 value 8 entries 1
	*(u32 *)(r10 - 4) = 0
	r2 = r10
	r2 += -4
	r1 = map[m]
	call map_lookup_elem
	r1 = r0
	call f                          ; error: helper-arg arg#0 is expected to be non-NULL
	r0 = 2
	exit
.func f global mem 8
	r0 = *(u32 *)(r1 + 0)
	exit
