; A pointer as the count: any number of calls, with any number as the index. Linux
; 6.18 comes to a state that it takes for a mistake of its own, and gives EFAULT.
test verify
test kernel verdict=unknown

	.type xdp
	.license GPL
	.map m array key 4 value 16 entries 1
	r1 = r10
	r2 = func[body]
	r3 = 0
	r4 = 0
	call loop                       ; error: helper-arg R1 type=fp expected=scalar
	r0 = 2
	exit
.func body
	r2 = map[m] + 0
	r2 += r1
	r3 = *(u8 *)(r2 + 0)
	r0 = 0
	exit
