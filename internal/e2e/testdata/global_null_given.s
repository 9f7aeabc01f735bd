; Null for a pointer that is promised not to be null. Linux 6.18 lets the constant 0
; pass (BUGS.md): such a program follows a null pointer in the kernel, so it is not
; run here.
test verify
test kernel verdict=accept

	.type xdp
	.license GPL
	r1 = 0
	call f                          ; error: helper-arg arg#0 is expected to be non-NULL
	r0 = 2
	exit
.func f global mem 4
	r0 = *(u32 *)(r1 + 0)
	exit
