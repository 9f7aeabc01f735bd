; Inserts, finds, replaces and deletes in a hash map; the result has a bit for
; every step that went as it should.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x3f
; run: r0 = 0x3f
; map: seen none

.type xdp
.map seen hash key 8 value 8 entries 3

	r6 = 0
	*(u64 *)(r10 - 8) = 0x1234
	*(u64 *)(r10 - 16) = 5
	r1 = map[seen]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 1
	call map_update_elem
	if r0 != 0 goto out
	r6 |= 1
	r1 = map[seen]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 1
	call map_update_elem
	if r0 == 0 goto out
	r6 |= 2
	*(u64 *)(r10 - 16) = 6
	r1 = map[seen]
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 2
	call map_update_elem
	if r0 != 0 goto out
	r6 |= 4
	r1 = map[seen]
	r2 = r10
	r2 += -8
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	if r1 != 6 goto out
	r6 |= 8
	r1 = map[seen]
	r2 = r10
	r2 += -8
	call map_delete_elem
	if r0 != 0 goto out
	r6 |= 16
	r1 = map[seen]
	r2 = r10
	r2 += -8
	call map_lookup_elem
	if r0 != 0 goto out
	r6 |= 32
out:
	r0 = r6
	exit
