; An index into the value is bounded too loosely.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject map-value-bounds
; kernel: invalid access to map value, value_size=8 off=8 size=1

.type xdp
.map m array key 4 value 8 entries 4

	r6 = *(u32 *)(r1 + 12)
	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r6 &= 8
	r0 += r6
	r0 = *(u8 *)(r0 + 0)
out:
	exit
