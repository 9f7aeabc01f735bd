; Maps named by their place in the load's list of maps instead of by a
; descriptor: the map itself, and the address of a byte of its value.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x7c packet=0300000000000000000000000000
; run: r0 = 0x81 packet=0800000000000000000000000000
; map: sums 00000000 8100000000000000

.type xdp
.map bytes array key 4 value 8 entries 1
.map sums array key 4 value 8 entries 1
.elem bytes 00000000 0011223344556677

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 1
	r0 = 0
	if r3 > r2 goto out
	r6 = *(u8 *)(r1 + 0)
	r1 = map_idx[bytes] + 5
	r7 = *(u8 *)(r1 + 0)
	r6 += r7
	r1 = map_idx[bytes] + 2
	r7 = *(u8 *)(r1 + 0)
	r6 += r7
	*(u32 *)(r10 - 4) = 0
	r1 = map_idx[sums]
	r2 = r10
	r2 += -4
	call map_lookup_elem
	if r0 == 0 goto out
	r1 = r0
	r6 += 2
	*(u64 *)(r1 + 0) = r6
	r0 = r6
out:
	exit
