package interval

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// truth returns the one-bit element of a comparison that can only be true, only
// be false, or either.
func truth(always, never bool) T {
	if always {
		return Const(ir.W1, 1)
	}
	if never {
		return Const(ir.W1, 0)
	}
	return Top(ir.W1)
}

// Cmp compares a and b. Orders are decided optimally.
//
// Sound: an order is decided where the bounds decide it, equality where
// nothing is shared or both are the same word, SET by what And gives.
func Cmp(op sem.CmpOp, w ir.Width, a, b T) T {
	if a.IsBottom() || b.IsBottom() {
		return Bottom()
	}
	switch op {
	case sem.EQ:
		return truth(same(a, b), Meet(w, a, b).IsBottom())
	case sem.NE:
		return truth(Meet(w, a, b).IsBottom(), same(a, b))
	case sem.SET:
		both := And(w, a, b)
		return truth(!both.Contains(w, 0), both.Full.max() == 0)
	case sem.UGT, sem.UGE, sem.SGT, sem.SGE:
		op, a, b = op.Flip(), b, a
	}
	x, y := a.Bounds(w), b.Bounds(w)
	switch op {
	case sem.ULT:
		return truth(x.UMax < y.UMin, x.UMin >= y.UMax)
	case sem.ULE:
		return truth(x.UMax <= y.UMin, x.UMin > y.UMax)
	case sem.SLT:
		return truth(x.SMax < y.SMin, x.SMin >= y.SMax)
	}
	return truth(x.SMax <= y.SMin, x.SMin > y.SMax)
}

// same reports whether both stand for the same single word.
func same(a, b T) bool {
	x, ok := a.Const()
	y, ok2 := b.Const()
	return ok && ok2 && x == y
}

// Refine returns what a and b can be where a op b holds. Orders are optimal in
// each operand.
//
// Sound: equal words lie in the meet; of words in order, each lies beyond the
// other's bound; a known word is taken out of the other's bounds for NE; see
// common for SET.
func Refine(op sem.CmpOp, w ir.Width, a, b T) (T, T) {
	if a.IsBottom() || b.IsBottom() {
		return Bottom(), Bottom()
	}
	switch op {
	case sem.EQ:
		m := Meet(w, a, b)
		return m, m
	case sem.NE:
		return smash(unequal(w, a, b), unequal(w, b, a))
	case sem.SET:
		return smash(common(w, a, b), common(w, b, a))
	case sem.ULT, sem.ULE:
		return refineUnsigned(w, a, b, op == sem.ULT)
	case sem.SLT, sem.SLE:
		return refineSigned(w, a, b, op == sem.SLT)
	case sem.UGT, sem.UGE:
		b, a = refineUnsigned(w, b, a, op == sem.UGT)
		return a, b
	}
	b, a = refineSigned(w, b, a, op == sem.SGT)
	return a, b
}

func smash(a, b T) (T, T) {
	if a.IsBottom() || b.IsBottom() {
		return Bottom(), Bottom()
	}
	return a, b
}

// refineUnsigned keeps a <= b, or a < b: each a is at most the greatest b,
// each b at least the least a, or one further.
func refineUnsigned(w ir.Width, a, b T, strict bool) (T, T) {
	hi, lo := b.Full.max(), a.Full.min()
	if strict {
		if hi == 0 || lo == w.Mask() {
			return Bottom(), Bottom()
		}
		hi, lo = hi-1, lo+1
	}
	a.Full = meet(a.Full, split(w, 0, hi))
	b.Full = meet(b.Full, split(w, lo, w.Mask()))
	return smash(settle(w, a), settle(w, b))
}

// refineSigned is refineUnsigned for words read signed.
func refineSigned(w ir.Width, a, b T, strict bool) (T, T) {
	lo, _ := a.Full.signed(w)
	_, hi := b.Full.signed(w)
	x, y := uint64(lo)&w.Mask(), uint64(hi)&w.Mask()
	if strict {
		if y == w.SignBit() || x == w.SignBit()-1 {
			return Bottom(), Bottom()
		}
		y, x = (y-1)&w.Mask(), (x+1)&w.Mask()
	}
	a.Full = meet(a.Full, arc(w.Mask(), w.SignBit(), y))
	b.Full = meet(b.Full, arc(w.Mask(), x, w.SignBit()-1))
	return smash(settle(w, a), settle(w, b))
}

// unequal takes the word of b out of a, if b is just one.
func unequal(w ir.Width, a, b T) T {
	x, ok := b.Const()
	if !ok || !a.Contains(w, x) {
		return a
	}
	return without(w, a, x)
}

// without takes x out of a, where a can show it: at bounds, those of low
// halves included if no other word has that low half. The result is optimal.
//
// Sound: no other word is lost.
func without(w ir.Width, a T, x uint64) T {
	m := half(w).Mask()
	if !again(a.Full.Pos, x, m) && !again(a.Full.Neg, x, m) {
		a.Low = Halves{shave(a.Low.Pos, x&m), shave(a.Low.Neg, x&m)}
	}
	a.Full = Halves{shave(a.Full.Pos, x), shave(a.Full.Neg, x)}
	a.settle(half(w))
	return a
}

// again reports whether r has a word other than x that agrees with it in the
// bits of the low mask m.
func again(r Range, x, m uint64) bool {
	if r.empty() {
		return false
	}
	ahead := (x - r.Min) & m // from the least word to the first that agrees
	if ahead > r.Max-r.Min {
		return false
	}
	return r.Min+ahead != x || r.Max-x > m
}

// shave takes x out of r where it is a bound.
func shave(r Range, x uint64) Range {
	if r.Min == x && r.Max == x {
		return noRange()
	}
	if r.empty() { // its bounds are no words
		return r
	}
	if r.Min == x {
		r.Min++
	}
	if r.Max == x {
		r.Max--
	}
	return r
}

// common keeps the words of a that can share a set bit with a word of b. It is
// optimal if b is one word and its bits lie in the low half, or a's ranges say
// more of the whole than of the low half.
//
// Sound: the bits that b's words can have set are those that all share and
// those from the first one down in which they differ. Where all these lie in
// the low half, so does the shared bit.
func common(w ir.Width, a, b T) T {
	lo, hi := b.Full.min(), b.Full.max()
	x := hi | below(lo^hi)
	if x == 0 {
		return Bottom()
	}
	a.Full = Halves{sharing(a.Full.Pos, x), sharing(a.Full.Neg, x)}
	if x <= half(w).Mask() {
		a.Low = Halves{sharing(a.Low.Pos, x), sharing(a.Low.Neg, x)}
	}
	a.settle(half(w))
	return a
}

// sharing cuts r to its least and greatest word that has a bit of x set, x not
// 0.
//
// If the least word has none, then the next one that has is found by setting
// the lowest bit of x and clearing all below it: a change of lower bits alone
// gives none. If the greatest has none, the last that has is found by taking
// 1 from its bits above the lowest bit of x.
func sharing(r Range, x uint64) Range {
	if r.empty() {
		return r
	}
	low := x & -x
	if r.Min&x == 0 {
		r.Min = r.Min&-low | low
	}
	if r.Max&x == 0 {
		top := r.Max &^ (low<<1 - 1)
		if top == 0 {
			return noRange()
		}
		r.Max = top - 1
	}
	return ordered(r.Min, r.Max)
}

// RefineLow returns the words of e whose low n bits are in low.
//
// Sound: only words whose low bits low excludes are lost: from the whole word
// as far as its bounds can show it, and from the low half.
func RefineLow(w, n ir.Width, e, low T) T {
	if e.IsBottom() || low.IsBottom() {
		return Bottom()
	}
	if n == w {
		return Meet(w, e, low)
	}
	h := half(w)
	e.Full.Pos.within(n.Mask(), &low.Full)
	e.Full.Neg.within(n.Mask(), &low.Full)
	if n >= h {
		e.Low = meet(e.Low, Resize(low, n, h, false).Full)
	} else {
		e.Low.Pos.within(n.Mask(), &low.Full)
		e.Low.Neg.within(n.Mask(), &low.Full)
	}
	e.settle(h)
	return e
}
