package constructs

func If(x int8) int8 {
	if x < 0 {
		return -x
	} else if x > 10 {
		x -= 10
	}
	return x + 1
}

func ShortCircuit(x, y uint8) uint8 {
	if x != 0 && y/x > 2 || y == 7 {
		return 1
	}
	return 0
}

func Switch(x uint8) uint8 {
	switch {
	case x < 3:
		return 10
	case x == 5, x == 7:
		fallthrough
	case x == 9:
		x *= 2
	default:
		x++
	}
	switch x {
	case 1, 2:
		return 7
	case 20:
		return 8
	}
	return x
}

func Popcount(x uint16) (n int) {
	for ; x != 0; x >>= 1 {
		n += int(x & 1)
	}
	return n
}

func FirstMultiple(x uint8) (int, bool) {
	for i := range 20 {
		if i > 0 && int(x) == i*7 {
			return i, true
		}
		if i == 15 && x == 200 {
			break
		}
	}
	return -1, x == 200
}

func Nested(x, y uint8) (sum uint8) {
outer:
	for i := range uint8(4) {
		for j := range uint8(5) {
			switch {
			case i*j == x:
				continue outer
			case i+j == y:
				break outer
			}
			sum += i ^ j
		}
	}
	return sum
}

func Goto(x uint8) uint8 {
	i := 0
again:
	x = x*3 + 1
	i++
	if i < 3 && x < 200 {
		goto again
	}
	return x
}

func Exits(x uint64) (s uint64) {
	a, b := x, uint64(1)
	for a != 0 && s < 1000 {
		if a&1 != 0 {
			s += b
		}
		a, b = a>>1, b<<1
	}
	return s
}

func Fib(n uint8) int {
	if n > 6 {
		return -1
	}
	a, b := 0, 1
	for range n {
		a, b = b, a+b
	}
	return a
}

func Factorial() int { return fact(5) }

func fact(n int) int {
	if n <= 1 {
		return 1
	}
	return n * fact(n-1)
}

func ExplicitPanic(x uint8) uint8 {
	if x > 250 {
		panic("too large")
	}
	return must(x) + 1
}

func must(x uint8) uint8 {
	if x == 17 {
		panic(x)
	}
	return x
}

func Closures(x, y int8) (int8, int8) {
	n := x
	add := func(d int8) int8 { n += d; return n }
	add(y)
	twice := func(f func(int8) int8, v int8) int8 { return f(f(v)) }
	return twice(add, 3), n
}

func OnlyPanics(x uint8) uint8 {
	for x != 3 {
		panic("always")
	}
	return x
}

func LoopVariables(x uint8) (sum uint8) {
	var fs [3]func() uint8
	for i := range uint8(3) {
		fs[i] = func() uint8 { i += x; return i }
	}
	for _, f := range fs {
		sum = sum*3 + f() + f()
	}
	return sum
}

func DeepLoops(x uint8) (n uint16) {
	for i := range 20 {
		for j := range 20 {
			if i+j == int(x) {
				n++
			}
		}
	}
	return n
}
