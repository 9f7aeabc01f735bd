; Counts by the packet's first byte in an array; an index beyond it finds
; nothing.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x1 packet=0200000000000000000000000000
; run: r0 = 0x2 packet=0200000000000000000000000000
; run: r0 = 0x0 packet=0400000000000000000000000000
; map: hits 02000000 0200000000000000
; map: hits 00000000 0700000000000000

.type xdp
.map hits array key 4 value 8 entries 4
.elem hits 00000000 0700000000000000

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 1
	r0 = 0
	if r3 > r2 goto out
	r1 = *(u8 *)(r1 + 0)
	*(u32 *)(r10 - 4) = r1
	r1 = map[hits]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 0)
	r1 += 1
	*(u64 *)(r0 + 0) = r1
	r0 = r1
out:
	exit
