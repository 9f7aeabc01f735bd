; Tail calls that find no program: the index is empty, or outside the map.
; Execution falls through, and r6 to r9 and the stack are as before.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x2b

.type xdp
.map jumps prog_array key 4 value 4 entries 4

	r6 = r1
	r7 = 1
	*(u64 *)(r10 - 8) = 42
	r2 = map[jumps]
	r3 = 3
	call tail_call
	r1 = r6
	r2 = map[jumps]
	r3 = 4
	call tail_call
	r1 = r6
	r2 = map[jumps]
	r3 = 0xffffffff ll
	call tail_call
	r0 = *(u64 *)(r10 - 8)
	r0 += r7
	exit
