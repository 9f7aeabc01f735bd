; A bounded index into a map's value.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x33 packet=0300000000000000000000000000
; run: r0 = 0x44 packet=fc00000000000000000000000000

.type xdp
.map bytes array key 4 value 8 entries 1
.elem bytes 00000000 0011223344556677

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 1
	r0 = 0
	if r3 > r2 goto out
	r6 = *(u8 *)(r1 + 0)
	*(u32 *)(r10 - 4) = 0
	r1 = map[bytes]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r6 &= 7
	r0 += r6
	r0 = *(u8 *)(r0 + 0)
out:
	exit
