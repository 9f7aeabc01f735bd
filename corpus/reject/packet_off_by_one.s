; 14 bytes are checked and the 15th is read.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject packet-bounds
; kernel: invalid access to packet, off=14 size=1

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 14
	r0 = 0
	if r3 > r2 goto out
	r0 = *(u8 *)(r1 + 14)
out:
	exit
