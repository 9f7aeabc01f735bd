; A global function that calls itself: nothing would bound the stack.
test verify
test kernel verdict=reject

	.type xdp
	.license GPL
	r1 = 5
	call f
	r0 = 2
	exit
.func f global number
	if r1 == 0 goto out             ; error: call-depth
	r1 += -1
	call f
out:
	r0 = 0
	exit
