package vm

import "github.com/bpfproof/bpfproof/ir"

// pure holds the operations on two words that the main loop has no case for:
// the signed divisions. Division by zero gives 0, a remainder by zero the
// dividend (RFC 9669, section 4.1).
var pure = [...]func(x, y uint64) uint64{
	func(x, y uint64) uint64 { return sdiv(int64(x), int64(y)) },
	func(x, y uint64) uint64 { return uint64(uint32(sdiv(int64(int32(x)), int64(int32(y))))) },
	func(x, y uint64) uint64 { return smod(int64(x), int64(y)) },
	func(x, y uint64) uint64 { return uint64(uint32(smod(int64(int32(x)), int64(int32(y))))) },
}

var pureIndex = map[oneCase]uint8{{ir.SDiv, ir.W64}: 0, {ir.SDiv, ir.W32}: 1, {ir.SMod, ir.W64}: 2, {ir.SMod, ir.W32}: 3}

func div64(x, y uint64) uint64 {
	if y == 0 {
		return 0
	}
	return x / y
}

func mod64(x, y uint64) uint64 {
	if y == 0 {
		return x
	}
	return x % y
}

func div32(x, y uint32) uint32 {
	if y == 0 {
		return 0
	}
	return x / y
}

func mod32(x, y uint32) uint32 {
	if y == 0 {
		return x
	}
	return x % y
}

// sdiv and smod round towards zero; Go defines the least number divided by -1
// as itself, with remainder 0.
func sdiv(x, y int64) uint64 {
	if y == 0 {
		return 0
	}
	return uint64(x / y)
}

func smod(x, y int64) uint64 {
	if y == 0 {
		return uint64(x)
	}
	return uint64(x % y)
}
