package sem

import (
	"github.com/bpfproof/bpfproof/ir"
)

// Concrete is the algebra of machine words: a w-bit word is a uint64 whose
// upper bits are 0. It is the reference that everything else is tested
// against.
type Concrete struct{}

var _ Algebra[uint64] = Concrete{}

// Const returns the low w bits of x.
func (Concrete) Const(w ir.Width, x uint64) uint64 { return x & w.Mask() }

// Bin returns x op y.
func (Concrete) Bin(op BinOp, w ir.Width, x, y uint64) uint64 {
	m := w.Mask()
	switch op {
	case Add:
		return (x + y) & m
	case Sub:
		return (x - y) & m
	case Mul:
		return (x * y) & m
	case And:
		return x & y
	case Or:
		return x | y
	case Xor:
		return x ^ y
	case Shl, LShr, AShr:
		return shift(op, w, x, y)
	}
	return divide(op, w, x, y)
}

func shift(op BinOp, w ir.Width, x, y uint64) uint64 {
	switch {
	case op == AShr:
		return uint64(w.SignExtend(x)>>min(y, 63)) & w.Mask()
	case y >= uint64(w):
		return 0
	case op == Shl:
		return (x << y) & w.Mask()
	}
	return x >> y
}

func divide(op BinOp, w ir.Width, x, y uint64) uint64 {
	m := w.Mask()
	sx, sy := w.SignExtend(x), w.SignExtend(y)
	switch op {
	case UDiv:
		if y == 0 {
			return m
		}
		return x / y
	case URem:
		if y == 0 {
			return x
		}
		return x % y
	case SDiv:
		switch {
		case y != 0:
			return uint64(sx/sy) & m // Go defines MinInt64 / -1 as MinInt64
		case sx < 0:
			return 1
		}
		return m
	}
	if y == 0 {
		return x
	}
	return uint64(sx%sy) & m
}

// Cmp compares x and y; the result is 0 or 1.
func (Concrete) Cmp(op CmpOp, w ir.Width, x, y uint64) uint64 {
	sx, sy := w.SignExtend(x), w.SignExtend(y)
	holds := [...]bool{
		EQ: x == y, NE: x != y, ULT: x < y, ULE: x <= y, UGT: x > y, UGE: x >= y,
		SLT: sx < sy, SLE: sx <= sy, SGT: sx > sy, SGE: sx >= sy, SET: x&y != 0,
	}
	if holds[op] {
		return 1
	}
	return 0
}

// Ite returns x where c is 1, otherwise y.
func (Concrete) Ite(c, x, y uint64) uint64 {
	if c != 0 {
		return x
	}
	return y
}

// Resize truncates or extends x.
func (Concrete) Resize(x uint64, from, to ir.Width, signed bool) uint64 {
	if signed && to > from {
		return uint64(from.SignExtend(x)) & to.Mask()
	}
	return x & from.Mask() & to.Mask()
}
