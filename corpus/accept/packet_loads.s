; LD_ABS and LD_IND of a socket filter, which sees its packet from the network
; header: bytes are read in network order, and a place outside the packet ends
; the program with r0 = 0.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0xb0d182f packet=00000000000000000000000088b501020304050607080910 data=000000000000000000000000000001020304050607080910
; run: r0 = 0x0 packet=00000000000000000000000088b50102030405060708 data=00000000000000000000000000000102030405060708

.type socket_filter

	r6 = r1
	r7 = 4
	r0 = *(u16 *)skb[0]
	r8 = r0
	r0 = *(u8 *)skb[2]
	r8 += r0
	r0 = *(u32 *)skb[4]
	r8 += r0
	r0 = *(u8 *)skb[r7 + 5]
	r8 += r0
	r0 = *(u16 *)skb[r7 + 3]
	r8 += r0
	r0 = *(u32 *)skb[r7 + 1]
	r0 += r8
	exit
