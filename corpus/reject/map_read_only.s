; A store to a map that programs may only read.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject map-access
; kernel: write into map forbidden

.type xdp
.map m array key 4 value 8 entries 4 flags 0x80

	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	*(u64 *)(r0 + 0) = 1
out:
	r0 = 0
	exit
