; Jumps forward and back, and the long jump. The backward ones do not loop.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x6

.type xdp

	r0 = 1
	goto three
two:
	r0 += 2
	goto four
three:
	goto two
four:
	if r0 == 0 goto five
	gotol six
five:
	r0 += 100
six:
	r0 += 3
	exit
