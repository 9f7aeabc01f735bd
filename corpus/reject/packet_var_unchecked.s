; A variable offset is added after the check.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject packet-bounds
; kernel: invalid access to packet

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 16
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u8 *)(r1 + 0)
	r1 += r4
	r0 = *(u8 *)(r1 + 0)
out:
	exit
