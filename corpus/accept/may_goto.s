; A loop that nothing but may_goto bounds: it counts to the packet's first
; byte. The budget, eight million rounds in our engines and a quarter of a
; second in the kernel's JIT, is never used up.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xc8 packet=c80102030405060708090a0b0c0d
; run: r0 = 0x0 packet=000102030405060708090a0b0c0d

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 = 0
	r3 = r1
	r3 += 1
	if r3 > r2 goto out
	r6 = *(u8 *)(r1 + 0)
again:
	may_goto out
	if r0 >= r6 goto out
	r0 += 1
	goto again
out:
	exit
