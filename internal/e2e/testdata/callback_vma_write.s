; The structure is only read.
test verify types=kernel
test kernel verdict=reject

	.type tracepoint
	.license GPL
	call get_current_task_btf
	r1 = r0
	r2 = 0
	r3 = func[body]
	r4 = 0
	r5 = 0
	call find_vma
	r0 = 0
	exit
.func body
	*(u64 *)(r2 + 0) = 0            ; error: struct-access only read is supported
	r0 = 0
	exit
