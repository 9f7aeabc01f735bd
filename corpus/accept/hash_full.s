; A hash map holds as many elements as it was made for and no more.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x0
; run: r0 = 0x0
; run: r0 = 0xfffffff9
; map: few 01000000 aa000000
; map: few 02000000 aa000000

.type xdp
.map next array key 4 value 4 entries 1
.map few hash key 4 value 4 entries 2

	*(u32 *)(r10 - 4) = 0
	r1 = map[next]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u32 *)(r0 + 0)
	r1 += 1
	*(u32 *)(r0 + 0) = r1
	*(u32 *)(r10 - 4) = r1
	*(u32 *)(r10 - 8) = 0xaa
	r1 = map[few]
	r2 = r10
	r2 += -4
	r3 = r10
	r3 += -8
	r4 = 0
	call map_update_elem
out:
	exit
