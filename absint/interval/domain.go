package interval

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Domain is the abstract domain of ranges. It has no state.
type Domain struct{}

var (
	_ absint.Domain[T]    = Domain{}
	_ absint.Operators[T] = Domain{}
	_ absint.Bounder[T]   = Domain{}
	_ absint.Narrower[T]  = Domain{}
	_ absint.Validator[T] = Domain{}
)

// Bottom stands for no word.
func (Domain) Bottom() T { return Bottom() }

// Top stands for all w-bit words.
func (Domain) Top(w ir.Width) T { return Top(w) }

// Leq reports whether every word of a is one of b; exact.
func (Domain) Leq(_ ir.Width, a, b T) bool { return Leq(a, b) }

// Join is the least upper bound.
func (Domain) Join(_ ir.Width, a, b T) T { return Join(a, b) }

// Meet is the greatest lower bound.
func (Domain) Meet(w ir.Width, a, b T) T { return Meet(w, a, b) }

// Widen moves bounds that grew to thresholds.
func (Domain) Widen(w ir.Width, prev, next T) T { return Widen(w, prev, next) }

// Const is the low w bits of x.
func (Domain) Const(w ir.Width, x uint64) T { return Const(w, x) }

// Bin returns x op y; each operation states its own argument.
func (Domain) Bin(op sem.BinOp, w ir.Width, x, y T) T {
	switch op {
	case sem.Add:
		return Add(w, x, y)
	case sem.Sub:
		return Sub(w, x, y)
	case sem.Mul:
		return Mul(w, x, y)
	case sem.And:
		return And(w, x, y)
	case sem.Or:
		return Or(w, x, y)
	case sem.Xor:
		return Xor(w, x, y)
	case sem.Shl:
		return Shl(w, x, y)
	case sem.LShr:
		return LShr(w, x, y)
	case sem.AShr:
		return AShr(w, x, y)
	case sem.UDiv:
		return UDiv(w, x, y)
	case sem.URem:
		return URem(w, x, y)
	case sem.SDiv:
		return SDiv(w, x, y)
	}
	return SRem(w, x, y)
}

// Cmp compares x and y.
func (Domain) Cmp(op sem.CmpOp, w ir.Width, x, y T) T { return Cmp(op, w, x, y) }

// Ite returns x or y as c says, their join where it can be either.
func (Domain) Ite(c, x, y T) T {
	if c.IsBottom() {
		return c
	}
	if c.Full.Pos.empty() {
		return x
	}
	if c.Full.Neg.empty() {
		return y
	}
	return Join(x, y)
}

// Resize truncates or extends x.
func (Domain) Resize(x T, from, to ir.Width, signed bool) T { return Resize(x, from, to, signed) }

// Contains reports whether e stands for x.
func (Domain) Contains(w ir.Width, e T, x uint64) bool { return e.Contains(w, x) }

// Refine returns what x and y can be where x op y holds.
func (Domain) Refine(op sem.CmpOp, w ir.Width, x, y T) (T, T) { return Refine(op, w, x, y) }

// ALU returns the result of an eBPF operation (sem.ALU).
func (Domain) ALU(op ir.ALUOp, w ir.Width, x, y T) (r T) {
	r.SetALU(op, w, &x, &y)
	return r
}

// Swap returns the byte order conversion of the low w bits of x.
func (Domain) Swap(op ir.SwapOp, w ir.Width, x T) T { return Swap(op, w, x) }

// Bounds returns the least and greatest words of e.
func (Domain) Bounds(w ir.Width, e T) absint.Bounds { return e.Bounds(w) }

// RefineLow returns the words of e whose low n bits are in low.
func (Domain) RefineLow(w, n ir.Width, e, low T) T { return RefineLow(w, n, e, low) }

// Valid reports the invariant of the representation.
func (Domain) Valid(w ir.Width, e T) bool { return e.Valid(w) }
