; The context pointer and a packet pointer survive on the stack; a checked
; range belongs to the restored pointer too.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x4 packet=0102030400000000000000000000000000000000000000000000000000000000
; run: r0 = 0xff packet=000000ff00000000000000000000000000000000000000000000000000000000

.type xdp

	*(u64 *)(r10 - 8) = r1
	r2 = *(u32 *)(r1 + 0)
	*(u64 *)(r10 - 16) = r2
	r1 = 0
	r2 = 0
	r6 = *(u64 *)(r10 - 8)
	r7 = *(u32 *)(r6 + 4)
	r8 = *(u64 *)(r10 - 16)
	r9 = r8
	r9 += 4
	r0 = 1
	if r9 > r7 goto out
	*(u64 *)(r10 - 24) = r8
	r8 = *(u64 *)(r10 - 24)
	r0 = *(u8 *)(r8 + 3)
out:
	exit
