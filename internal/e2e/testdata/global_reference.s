; A reference does not outlive a global function.
test verify
test kernel verdict=reject

	.type sched_cls
	.license GPL
	call f
	r0 = 0
	exit
.func f global ctx
	*(u64 *)(r10 - 16) = 0
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -16
	r3 = 12
	r4 = 0
	r5 = 0
	call sk_lookup_tcp
	r0 = 0
	exit                            ; error: ref-leak
