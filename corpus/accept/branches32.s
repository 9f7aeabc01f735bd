; Every comparison of 32 bits: the upper halves do not matter.
;
; origin: bpfproof
; license: Apache-2.0
; expect: accept
; run: r0 = 0x3628d6 packet=f8ffffffffffffff030000000000000000000000000000000000000000000000
; run: r0 = 0x3ff0c packet=0102030405060708f1e2d3c4b5a6978800000000000000000000000000000000
; run: r0 = 0x139e49 packet=0500000000000000050000000000000000000000000000000000000000000000
; run: r0 = 0x3cf0c packet=0000000000000080ffffffffffffffff00000000000000000000000000000000
; run: r0 = 0x333cc3 packet=f8ffffff00000000f8ffffffffffffff00000000000000000000000000000000

.type xdp

	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r3 = r1
	r3 += 32
	r0 = 0
	if r3 > r2 goto out
	r4 = *(u64 *)(r1 + 0)
	r5 = *(u64 *)(r1 + 8)
	r6 = 0
	if w4 == w5 goto t0
	goto n0
t0:
	r6 |= 0x1
n0:
	if w4 == -8 goto t1
	goto n1
t1:
	r6 |= 0x2
n1:
	if w4 != w5 goto t2
	goto n2
t2:
	r6 |= 0x4
n2:
	if w4 != -8 goto t3
	goto n3
t3:
	r6 |= 0x8
n3:
	if w4 > w5 goto t4
	goto n4
t4:
	r6 |= 0x10
n4:
	if w4 > -8 goto t5
	goto n5
t5:
	r6 |= 0x20
n5:
	if w4 >= w5 goto t6
	goto n6
t6:
	r6 |= 0x40
n6:
	if w4 >= -8 goto t7
	goto n7
t7:
	r6 |= 0x80
n7:
	if w4 < w5 goto t8
	goto n8
t8:
	r6 |= 0x100
n8:
	if w4 < -8 goto t9
	goto n9
t9:
	r6 |= 0x200
n9:
	if w4 <= w5 goto t10
	goto n10
t10:
	r6 |= 0x400
n10:
	if w4 <= -8 goto t11
	goto n11
t11:
	r6 |= 0x800
n11:
	if w4 & w5 goto t12
	goto n12
t12:
	r6 |= 0x1000
n12:
	if w4 & -8 goto t13
	goto n13
t13:
	r6 |= 0x2000
n13:
	if w4 s> w5 goto t14
	goto n14
t14:
	r6 |= 0x4000
n14:
	if w4 s> -8 goto t15
	goto n15
t15:
	r6 |= 0x8000
n15:
	if w4 s>= w5 goto t16
	goto n16
t16:
	r6 |= 0x10000
n16:
	if w4 s>= -8 goto t17
	goto n17
t17:
	r6 |= 0x20000
n17:
	if w4 s< w5 goto t18
	goto n18
t18:
	r6 |= 0x40000
n18:
	if w4 s< -8 goto t19
	goto n19
t19:
	r6 |= 0x80000
n19:
	if w4 s<= w5 goto t20
	goto n20
t20:
	r6 |= 0x100000
n20:
	if w4 s<= -8 goto t21
	goto n21
t21:
	r6 |= 0x200000
n21:
	r0 = r6
out:
	exit
