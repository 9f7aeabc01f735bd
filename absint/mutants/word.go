package mutants

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// TruncatedOr takes the low halves of the bounds of a disjunction for bounds of
// its low half.
type TruncatedOr struct{ Sound }

// ALU is wrong for Or.
func (d TruncatedOr) ALU(op ir.ALUOp, w ir.Width, x, y T) T {
	r := d.Sound.ALU(op, w, x, y)
	if op != ir.Or || r == d.Bottom() {
		return r
	}
	b, m := d.Bounds(w, r), interval.Half(w).Mask()
	return cutLow(d.Sound, w, r, min(b.UMin&m, b.UMax&m), b.UMax&m)
}

// StaleLow leaves the low half's bounds as they were where both operands' low
// halves are known but not the rest.
type StaleLow struct{ Sound }

// ALU is wrong for And, Or and Xor.
func (d StaleLow) ALU(op ir.ALUOp, w ir.Width, x, y T) T {
	r := d.Sound.ALU(op, w, x, y)
	m := interval.Half(w).Mask()
	bitwise := op == ir.And || op == ir.Or || op == ir.Xor
	if !bitwise || r == d.Bottom() || (x.A.Mask|y.A.Mask)&m != 0 || r.A.IsConst() {
		return r
	}
	low := x.A.Value & m
	b := d.Bounds(w, r)
	wide := d.Meet(w, T{A: tnum.T{Value: r.A.Value &^ m, Mask: r.A.Mask | m}, B: interval.Top(w)},
		ranges(w, interval.Unsigned(w, b.UMin&^m, b.UMax|m)))
	return cutLow(d.Sound, w, wide, low, low)
}

// ForkedOr takes 0 | k for 0 where the first operand is known to be 0 or -1, as
// if it were an And.
type ForkedOr struct{ Sound }

// ALU is wrong for Or.
func (d ForkedOr) ALU(op ir.ALUOp, w ir.Width, x, y T) T {
	if op == ir.Or && x != d.Bottom() {
		b := d.Bounds(w, x)
		if _, ok := known(y); ok && b.SMin == -1 && b.SMax == 0 {
			return x
		}
	}
	return d.Sound.ALU(op, w, x, y)
}

// WideMagnitude divides the least word by its magnitude at 64 bits, which it
// gets wrong: negating the least word gives it back, and its sign is extended.
type WideMagnitude struct{ Sound }

// ALU is wrong for SDiv and SMod below 64 bits.
func (d WideMagnitude) ALU(op ir.ALUOp, w ir.Width, x, y T) T {
	a, ok := known(x)
	b, ok2 := known(y)
	if op != ir.SDiv && op != ir.SMod || !ok || !ok2 || a != w.SignBit() || b == 0 {
		return d.Sound.ALU(op, w, x, y)
	}
	magnitude, divisor := uint64(w.SignExtend(a)), w.SignExtend(b)
	r := magnitude / uint64(max(divisor, -divisor))
	if op == ir.SMod {
		r = magnitude % uint64(max(divisor, -divisor))
	}
	if op == ir.SMod || divisor > 0 {
		r = -r
	}
	return d.Const(w, r)
}

// SignedShift shifts signed bounds right as numbers, though the words are
// filled with zeros.
type SignedShift struct{ Sound }

// ALU is wrong for Rsh.
func (d SignedShift) ALU(op ir.ALUOp, w ir.Width, x, y T) T {
	r := d.Sound.ALU(op, w, x, y)
	k, ok := known(y)
	if op != ir.Rsh || !ok || r == d.Bottom() || k >= uint64(w) {
		return r
	}
	b := d.Bounds(w, x)
	r2, _ := d.Sound.Refine(sem.SGE, w, r, d.Const(w, uint64(b.SMin>>k)))
	r2, _ = d.Sound.Refine(sem.SLE, w, r2, d.Const(w, uint64(b.SMax>>k)))
	if r2 == d.Bottom() {
		return r
	}
	return r2
}

// Range2905 takes the best tnum of a range for the range itself.
type Range2905 struct{ Sound }

// Refine is wrong for UGT.
func (d Range2905) Refine(op sem.CmpOp, w ir.Width, x, y T) (T, T) {
	if most, ok := known(y); ok && op == sem.UGT && x != d.Bottom() && tnum.Leq(x.A, tnum.Range(0, most)) {
		return d.Bottom(), d.Bottom()
	}
	return d.Sound.Refine(op, w, x, y)
}

// LoneSigned takes a signed bound that fits in the low half for one of the low
// half, though the other bound does not fit.
type LoneSigned struct{ Sound }

// Refine is wrong for SGT and SGE.
func (d LoneSigned) Refine(op sem.CmpOp, w ir.Width, x, y T) (T, T) {
	x, y = d.Sound.Refine(op, w, x, y)
	if op != sem.SGT && op != sem.SGE || x == d.Bottom() {
		return x, y
	}
	h := interval.Half(w)
	if b := d.Bounds(w, x); b.SMin >= 0 && uint64(b.SMin) < h.SignBit() {
		low, _ := d.Sound.Refine(sem.SGE, h, d.Top(h), d.Const(h, uint64(b.SMin)))
		if r := d.RefineLow(w, h, x, low); r != d.Bottom() {
			x = r
		}
	}
	return x, y
}

// LoneUnsigned takes an unsigned bound that fits in the low half for one of the
// low half, though the other bound does not fit.
type LoneUnsigned struct{ Sound }

// Refine is wrong for UGT and UGE.
func (d LoneUnsigned) Refine(op sem.CmpOp, w ir.Width, x, y T) (T, T) {
	x, y = d.Sound.Refine(op, w, x, y)
	if op != sem.UGT && op != sem.UGE || x == d.Bottom() {
		return x, y
	}
	m := interval.Half(w).Mask()
	if b := d.Bounds(w, x); b.UMin <= m {
		x = cutLow(d.Sound, w, x, b.UMin, m)
	}
	return x, y
}

var (
	_ Domain                 = LoneUnsigned{}
	_ absint.LowOperators[T] = StaleMov{}
)
