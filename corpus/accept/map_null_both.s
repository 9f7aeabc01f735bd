; Both branches of a null check are used, and a check of one copy of the
; pointer counts for the other.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x63
; run: r0 = 0x9
; map: one 07000000 09000000

.type xdp
.map one hash key 4 value 4 entries 4

	*(u32 *)(r10 - 4) = 7
	r1 = map[one]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	r6 = r0
	if r0 != 0 goto found
	*(u32 *)(r10 - 8) = 9
	r1 = map[one]
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -8
	r4 = 0
	call map_update_elem
	r0 += 99
	exit
found:
	r0 = *(u32 *)(r6 + 0)
	exit
