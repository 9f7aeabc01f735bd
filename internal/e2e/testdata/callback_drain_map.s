; Only a ring buffer of the user's is drained.
test verify types=kernel
test kernel verdict=reject

	.type tracepoint
	.license GPL
	.map r ringbuf entries 4096
	r1 = map[r]
	r2 = func[body]
	r3 = 0
	r4 = 0
	call user_ringbuf_drain         ; error: helper-arg cannot pass map_type 27 into func bpf_user_ringbuf_drain#209
	r0 = 0
	exit
.func body
	r0 = 0
	exit
