; The result of a lookup is used without a null check.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject null-deref
; kernel: invalid mem access 'map_value_or_null'

.type xdp
.map m hash key 4 value 8 entries 4

	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	r0 = *(u64 *)(r0 + 0)
	exit
