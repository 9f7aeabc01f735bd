; Byte order conversions of all widths, and byte swaps.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x8010614 packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0x3300ddfe packet=ffee000000112233000000000000000000000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r6 = r4
	r6 = be16 r6
	r7 = r4
	r7 = be32 r7
	r8 = r4
	r8 = be64 r8
	r6 += r7
	r6 ^= r8
	r7 = r4
	r7 = le16 r7
	r6 += r7
	r7 = r4
	r7 = le32 r7
	r6 ^= r7
	r7 = r4
	r7 = le64 r7
	r6 += r7
	r7 = r4
	r7 = bswap16 r7
	r6 ^= r7
	r7 = r4
	r7 = bswap32 r7
	r6 += r7
	r7 = r4
	r7 = bswap64 r7
	r6 ^= r7
	r0 = r6
	r6 >>= 32
	r0 ^= r6
out:
	exit
