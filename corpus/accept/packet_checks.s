; The eight ways to compare a packet pointer with the packet's end, each giving
; access on the right side.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x8 packet=0101010101010101010101010101010101010101010101010101010101010101
; run: r0 = 0x8 packet=0101010101010101010101010101

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 = 0
	r3 = r1
	r3 += 1
	if r3 > r2 goto out
	r4 = *(u8 *)(r1 + 0)
	r0 += r4
	r3 = r1
	r3 += 2
	if r2 < r3 goto out
	r4 = *(u8 *)(r1 + 1)
	r0 += r4
	r3 = r1
	r3 += 3
	if r3 <= r2 goto third
	goto out
third:
	r4 = *(u8 *)(r1 + 2)
	r0 += r4
	r3 = r1
	r3 += 4
	if r2 >= r3 goto fourth
	goto out
fourth:
	r4 = *(u8 *)(r1 + 3)
	r0 += r4
	r3 = r1
	r3 += 4
	if r3 >= r2 goto out
	r4 = *(u8 *)(r1 + 4)
	r0 += r4
	r3 = r1
	r3 += 5
	if r2 <= r3 goto out
	r4 = *(u8 *)(r1 + 5)
	r0 += r4
	r3 = r1
	r3 += 6
	if r3 < r2 goto seventh
	goto out
seventh:
	r4 = *(u8 *)(r1 + 6)
	r0 += r4
	r3 = r1
	r3 += 7
	if r2 > r3 goto eighth
	goto out
eighth:
	r4 = *(u8 *)(r1 + 7)
	r0 += r4
out:
	exit
