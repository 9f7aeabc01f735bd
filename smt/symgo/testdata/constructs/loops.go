package constructs

// Sum returns 0 + 1 + ... + (n-1).
func Sum(n uint8) (s uint16) {
	for i := uint8(0); i < n; i++ {
		s += uint16(i)
	}
	return s
}

// Endless returns only if x is 0.
func Endless(x uint8) uint8 {
	for x != 0 {
		x ^= 1
		if x == 0 {
			x = 3
		}
	}
	return x
}

type total struct {
	sum   uint16
	count uint8
}

// SumIn does the same in a struct, whose fields are variables in memory, and
// leaves early.
func SumIn(n uint8) (uint16, bool) {
	var acc total
	for acc.count < n {
		if acc.count == 200 {
			return acc.sum, false
		}
		acc.sum += uint16(acc.count)
		acc.count++
	}
	return acc.sum, true
}

func half(x uint16) uint16 { return x / 2 }

// Quarter calls half twice.
func Quarter(x uint16) uint16 { return half(half(x)) }
