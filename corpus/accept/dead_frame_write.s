; A write to r10 behind a branch that is always taken: no run comes to it, so it
; does no harm.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x1

.type xdp

	r0 = 1
	if r0 == 1 goto out
	r10 += 8
	r1 = *(u64 *)(r10 - 8)
out:
	exit
