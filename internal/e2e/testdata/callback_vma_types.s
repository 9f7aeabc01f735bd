; Without the kernel's types nothing is known of the task.
test verify
test kernel verdict=accept

	.type tracepoint
	.license GPL
	call get_current_task_btf       ; unknown: unsupported
	r1 = r0
	r2 = 0
	r3 = func[body]
	r4 = 0
	r5 = 0
	call find_vma
	r0 = 0
	exit
.func body
	r0 = 0
	exit
