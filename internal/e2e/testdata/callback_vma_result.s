; A callback returns 0 or 1.
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
	r0 = 2
	exit                            ; error: return-value At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]
