; The address of a map's value as an immediate: no lookup, no null check.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x2a
; run: r0 = 0x2b
; map: vars 00000000 00000000000000002c00000000000000

.type xdp
.map vars array key 4 value 16 entries 1
.elem vars 00000000 00000000000000002a00000000000000

	r1 = map[vars] + 8
	r0 = *(u64 *)(r1 + 0)
	r2 = r0
	r2 += 1
	*(u64 *)(r1 + 0) = r2
	exit
