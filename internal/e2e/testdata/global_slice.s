; What a dynamic pointer names is memory for a global function as well.
test verify types=kernel
test kernel verdict=accept

	.type tracepoint
	.license GPL
	.map r ringbuf entries 4096
	r1 = map[r]
	r2 = 16
	r3 = 0
	r4 = r10
	r4 += -16
	call ringbuf_reserve_dynptr
	r1 = r10
	r1 += -16
	r2 = 0
	r3 = 16
	call dynptr_data
	if r0 == 0 goto out
	r1 = r0
	call f
out:
	r1 = r10
	r1 += -16
	r2 = 0
	call ringbuf_submit_dynptr
	r0 = 0
	exit
.func f global mem 16
	*(u64 *)(r1 + 8) = 7
	r0 = 0
	exit
