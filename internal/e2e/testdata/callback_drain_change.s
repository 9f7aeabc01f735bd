; Nor made anew: it is not the callback's.
test verify types=kernel
test kernel verdict=reject

	.type tracepoint
	.license GPL
	.map u user_ringbuf entries 4096
	.map r ringbuf entries 4096
	r1 = map[u]
	r2 = func[body]
	r3 = 0
	r4 = 0
	call user_ringbuf_drain
	r0 = 0
	exit
.func body
	r4 = r1
	r1 = map[r]
	r2 = 8
	r3 = 0
	call ringbuf_reserve_dynptr     ; error: helper-arg
	r0 = 0
	exit
