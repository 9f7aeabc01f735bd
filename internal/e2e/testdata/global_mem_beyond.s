; The function goes beyond the memory that its prototype promises.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	*(u64 *)(r10 - 16) = 0
	*(u64 *)(r10 - 8) = 0
	r1 = r10
	r1 += -16
	call f
	r0 = 2
	exit
.func f global mem 8
	r0 = *(u64 *)(r1 + 8)           ; error: mem-bounds invalid access to memory, mem_size=8 off=8 size=8
	exit
