; find_vma shows its callback the task that it was given, a structure of the kernel,
; and what was passed on.
test verify types=kernel
test kernel verdict=accept

	.type tracepoint
	.license GPL
	*(u64 *)(r10 - 8) = 0
	call get_current_task_btf
	r1 = r0
	r2 = 0
	r3 = func[body]
	r4 = r10
	r4 += -8
	r5 = 0
	call find_vma
	r0 = *(u64 *)(r10 - 8)
	r0 = 0
	exit
.func body
	r1 = *(u64 *)(r2 + 0)           ; state: R2=ptr(
	*(u64 *)(r3 + 0) = r1
	r0 = 0
	exit
