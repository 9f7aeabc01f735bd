; A dynamic pointer lies on the stack, but it is no memory to hand over.
test verify types=kernel
test kernel verdict=reject

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
	call f                          ; error: stack-spill
	r1 = r10
	r1 += -16
	r2 = 0
	call ringbuf_submit_dynptr
	r0 = 0
	exit
.func f global mem 16
	r0 = 0
	exit
