; A load reaches beyond the value.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject map-value-bounds
; kernel: invalid access to map value, value_size=8 off=4 size=8

.type xdp
.map m array key 4 value 8 entries 4

	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r0 = *(u64 *)(r0 + 4)
out:
	exit
