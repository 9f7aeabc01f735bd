; Atomic operations do not work on packets.
;
; origin: bpfproof
; license: Apache-2.0
; expect: reject atomic-target
; kernel: BPF_ATOMIC stores into R1 pkt is not allowed

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 8
	r0 = 0
	if r3 > r2 goto out
	r4 = 1
	lock *(u64 *)(r1 + 0) += r4
out:
	exit
