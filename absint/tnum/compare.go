package tnum

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Bounds returns the least and greatest words of t, not Bottom: open bits all
// 0 and all 1; for signed words the top bit the other way round.
func (t T) Bounds(w ir.Width) absint.Bounds {
	sign := t.Mask & w.SignBit()
	return absint.Bounds{
		UMin: t.Value, UMax: t.Max(),
		SMin: w.SignExtend(t.Value | sign), SMax: w.SignExtend(t.Max() &^ sign),
	}
}

// truth returns the one-bit tnum of a comparison that can only be true, only
// be false, or either.
func truth(always, never bool) T {
	if always {
		return T{1, 0}
	}
	if never {
		return T{0, 0}
	}
	return T{0, 1}
}

// flip exchanges signed and unsigned order: it inverts the top bit of a tnum
// that is not Bottom.
func flip(w ir.Width, t T) T { return T{t.Value ^ w.SignBit()&^t.Mask, t.Mask} }

// Cmp compares a and b. It is optimal.
//
// Sound and best: the operands vary independently, so an order is decided if
// and only if the extremes decide it, equality if and only if a known bit
// differs or both are known, and SET if and only if a bit is known to be 1 in
// both or none can be.
func Cmp(op sem.CmpOp, w ir.Width, a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	switch op {
	case sem.EQ:
		return truth(a.Mask|b.Mask == 0 && a.Value == b.Value, apart(a, b))
	case sem.NE:
		return truth(apart(a, b), a.Mask|b.Mask == 0 && a.Value == b.Value)
	case sem.SET:
		return truth(a.Value&b.Value != 0, a.Max()&b.Max() == 0)
	case sem.SLT, sem.SLE, sem.SGT, sem.SGE:
		a, b = flip(w, a), flip(w, b)
	}
	switch op {
	case sem.ULT, sem.SLT:
		return truth(a.Max() < b.Value, a.Value >= b.Max())
	case sem.ULE, sem.SLE:
		return truth(a.Max() <= b.Value, a.Value > b.Max())
	case sem.UGT, sem.SGT:
		return truth(a.Value > b.Max(), a.Max() <= b.Value)
	}
	return truth(a.Value >= b.Max(), a.Max() < b.Value)
}

// apart reports whether a known bit of a and b differs.
func apart(a, b T) bool { return (a.Value^b.Value)&^(a.Mask|b.Mask) != 0 }

// Refine returns what a and b can be where a op b holds. It is optimal in each
// operand.
//
// Sound: equal words lie in the meet; of words in order, each lies beyond the
// other's extreme; see unequal and common for NE and SET.
func Refine(op sem.CmpOp, w ir.Width, a, b T) (T, T) {
	if eitherBottom(a, b) {
		return Bottom(), Bottom()
	}
	switch op {
	case sem.EQ:
		m := Meet(a, b)
		return m, m
	case sem.NE:
		return smash(unequal(a, b), unequal(b, a))
	case sem.SET:
		return common(a, b)
	case sem.UGT, sem.SGT, sem.UGE, sem.SGE:
		b, a = Refine(op.Flip(), w, b, a)
		return a, b
	case sem.SLT:
		a, b = below1(flip(w, a), flip(w, b))
		return unflip(w, a, b)
	case sem.SLE:
		a, b = atMost(flip(w, a), flip(w, b))
		return unflip(w, a, b)
	case sem.ULT:
		return below1(a, b)
	}
	return atMost(a, b)
}

func smash(a, b T) (T, T) {
	if eitherBottom(a, b) {
		return Bottom(), Bottom()
	}
	return a, b
}

func unflip(w ir.Width, a, b T) (T, T) {
	if eitherBottom(a, b) {
		return Bottom(), Bottom()
	}
	return flip(w, a), flip(w, b)
}

// atMost keeps a <= b: each a is at most the greatest b, each b at least the
// least a.
func atMost(a, b T) (T, T) {
	return smash(a.Clamp(0, b.Max()), b.Clamp(a.Value, ^uint64(0)))
}

// below1 keeps a < b, in the same way.
func below1(a, b T) (T, T) {
	if b.Max() == 0 || a.Value == ^uint64(0) {
		return Bottom(), Bottom()
	}
	return smash(a.Clamp(0, b.Max()-1), b.Clamp(a.Value+1, ^uint64(0)))
}

// unequal takes a known b out of a. That leaves nothing if a is the same, and
// one word if a has two; otherwise no bit becomes known.
func unequal(a, b T) T {
	if b.Mask != 0 || !a.Contains(b.Value) {
		return a
	}
	if a.Mask == 0 {
		return Bottom()
	}
	if a.Mask&(a.Mask-1) == 0 {
		return T{b.Value ^ a.Mask, 0}
	}
	return a
}

// common keeps a & b != 0: if just one bit can be 1 in both, it is.
func common(a, b T) (T, T) {
	both := a.Max() & b.Max()
	if both == 0 {
		return Bottom(), Bottom()
	}
	if both&(both-1) != 0 {
		return a, b
	}
	return T{a.Value | both, a.Mask &^ both}, T{b.Value | both, b.Mask &^ both}
}
