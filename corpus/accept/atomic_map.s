; Atomic addition to a map value.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x0
; run: r0 = 0x5
; map: n 00000000 0a00000000000000

.type xdp
.map n array key 4 value 8 entries 1

	*(u32 *)(r10 - 4) = 0
	r1 = map[n]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = 5
	r1 = atomic_fetch_add((u64 *)(r0 + 0), r1)
	r0 = r1
out:
	exit
