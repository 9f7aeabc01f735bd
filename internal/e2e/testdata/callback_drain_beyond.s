; Beyond what was asked for.
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
	r2 = 0
	r3 = 16
	call dynptr_data
	if r0 == 0 goto out
	r1 = *(u64 *)(r0 + 9)           ; error: mem-bounds
out:
	r0 = 0
	exit
