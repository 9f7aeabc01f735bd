; A signed index may be negative.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject map-value-bounds
; kernel: R0 min value is negative

.type xdp
.map m array key 4 value 8 entries 4

	r6 = *(u32 *)(r1 + 12)
	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r6 <<= 56
	r6 s>>= 56
	if r6 s> 7 goto out
	r0 += r6
	r0 = *(u8 *)(r0 + 0)
	exit
out:
	r0 = 0
	exit
