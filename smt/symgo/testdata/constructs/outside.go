package constructs

import (
	"fmt"
	"strings"
)

func GoStatement(x uint8) uint8 {
	c := make(chan uint8)
	go func() { c <- x }()
	return <-c
}

func DeferStatement(x uint8) (y uint8) {
	defer func() { y++ }()
	return x
}

func MapOfVariables(x uint8) uint8 {
	m := map[uint8]uint8{}
	m[x] = 1
	return m[3]
}

func Append(x uint8) int {
	var s []uint8
	s = append(s, x)
	return len(s)
}

func SelectStatement(c chan uint8) uint8 {
	select {
	case x := <-c:
		return x
	default:
		return 0
	}
}

func MakeSlice(n uint8) int { return len(make([]uint8, n)) }

func Floats(x uint8) bool { return float64(x)*0.5 > 3 }

func Prints(x uint8) string { return fmt.Sprint(x) }

func CallsPrints(x uint8) int { return len(Prints(x)) }

func Unbounded(x uint64) (n uint64) {
	for x != 1 {
		if x%2 == 0 {
			x /= 2
		} else {
			x = 3*x + 1
		}
		n++
	}
	return n
}

func Recursive(x uint64) uint64 {
	if x == 0 {
		return 0
	}
	return 1 + Recursive(x-2)
}

func ChoosesPointer(c bool, x, y uint8) uint8 {
	p := &x
	if c {
		p = &y
	}
	return *p
}

func ChoosesInterface(c bool) uint8 {
	var s shape = square{2}
	if c {
		s = &box{1, 2}
	}
	return s.Area(1)
}

func SliceBounds(x uint8, a [4]uint8) int { return len(a[:x]) }

var counter uint8

func Count() uint8 { counter++; return counter }

func ReadsCounter() uint8 { return counter }

var replacer = strings.NewReplacer("a", "b")

var hidden [2]uint8

func setHidden(i int) {
	hidden[i] = 1
	fmt.Println(i)
}

func ReadsHidden() uint8 { return hidden[0] }

func ReadsReplacer() bool { setHidden(0); return replacer != nil }

func RangeString(x uint8) (n int) {
	for range "abc" {
		n++
	}
	return n
}

func CallsSetHidden() bool { setHidden(0); return true }

type padded struct {
	a uint8
	_ uint8
}

func ComparesBlank(p, q padded) bool { return p == q }
