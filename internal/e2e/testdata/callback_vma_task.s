; A number in the place of the task.
test verify types=kernel
test kernel verdict=reject

	.type tracepoint
	.license GPL
	r1 = 0
	r2 = 0
	r3 = func[body]
	r4 = 0
	r5 = 0
	call find_vma                   ; error: helper-arg
	r0 = 0
	exit
.func body
	r0 = 0
	exit
