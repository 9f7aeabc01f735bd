; Moves and loads that extend the sign, from every width to both.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xff000180 packet=80ff7f0180ff7f01000000000000000000000000000000000000000000000000
; run: r0 = 0xff817f01 packet=7f80ff80ff7f8080000000000000000000000000000000000000000000000000
; run: r0 = 0xc040c03 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r6 = (s8)r4
	r7 = (s16)r4
	r8 = (s32)r4
	r6 ^= r7
	r6 += r8
	w7 = (s8)w4
	w8 = (s16)w4
	r6 ^= r7
	r6 += r8
	r7 = *(s8 *)(r1 + 1)
	r6 ^= r7
	r7 = *(s16 *)(r1 + 2)
	r6 += r7
	r7 = *(s32 *)(r1 + 4)
	r6 ^= r7
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
