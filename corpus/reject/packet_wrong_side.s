; The packet is read where the comparison failed.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject packet-bounds
; kernel: invalid access to packet

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 8
	if r3 > r2 goto short
	r0 = 0
	exit
short:
	r0 = *(u8 *)(r1 + 0)
	exit
