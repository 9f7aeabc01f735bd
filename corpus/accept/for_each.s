; bpf_for_each_map_elem calls a function of the program for every element.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x4
; map: m 00000000 6400000000000000
; map: m 03000000 6700000000000000

.type xdp
.license GPL
.map m array key 4 value 8 entries 4

	r1 = map[m]
	r2 = func[visit]
	r3 = 0
	r4 = 0
	call for_each_map_elem
	exit
.func visit
	r4 = *(u32 *)(r2 + 0)
	r4 += 100
	*(u64 *)(r3 + 0) = r4
	r0 = 0
	exit
