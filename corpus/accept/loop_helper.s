; bpf_loop calls a function of the program for 0, 1, 2 and so on, until that
; returns 1.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x70015

.type xdp
.license GPL

	*(u64 *)(r10 - 8) = 0
	r1 = 20
	r2 = func[sum]
	r3 = r10
	r3 += -8
	r4 = 0
	call loop
	r0 <<= 16
	r1 = *(u64 *)(r10 - 8)
	r0 += r1
	exit
.func sum
	r0 = 0
	r3 = *(u64 *)(r2 + 0)
	r3 += r1
	*(u64 *)(r2 + 0) = r3
	if r1 < 6 goto out
	r0 = 1
out:
	exit
