; The dynamic pointer itself is not read.
test verify types=kernel
test kernel verdict=reject

	.type tracepoint
	.license GPL
	.map u user_ringbuf entries 4096
	*(u64 *)(r10 - 8) = 0
	r1 = map[u]
	r2 = func[body]
	r3 = r10
	r3 += -8
	r4 = 0
	call user_ringbuf_drain
	r0 = 0
	exit
.func body
	r0 = *(u64 *)(r1 + 0)           ; error: bad-deref
	r0 = 0
	exit
