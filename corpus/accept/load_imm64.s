; 64-bit immediates.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xfedcba98

.type xdp

	r1 = 0x1122334455667788 ll
	r2 = 0xffffffffffffffff ll
	r3 = r1
	r3 ^= r2
	r3 += r1
	r3 += 1
	r0 = 0xfedcba9800000000 ll
	r0 += r3
	r0 >>= 32
	exit
