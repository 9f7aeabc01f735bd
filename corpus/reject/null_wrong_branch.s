; The value is read where the lookup found nothing.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject bad-deref
; kernel: invalid mem access

.type xdp
.map m hash key 4 value 8 entries 4

	*(u32 *)(r10 - 4) = 0
	r1 = map[m]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 != 0 goto found
	r0 = *(u64 *)(r0 + 0)
	exit
found:
	r0 = 1
	exit
