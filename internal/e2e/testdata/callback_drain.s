; user_ringbuf_drain shows its callback each record by a dynamic pointer.
test verify types=kernel
test kernel verdict=accept

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
	r6 = r2
	r3 = r1                         ; state: R1=dynptr_ptr
	r1 = r2
	r2 = 8
	r4 = 0
	r5 = 0
	call dynptr_read
	r0 = 0
	exit
