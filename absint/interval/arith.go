package interval

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// Add returns a + b modulo 2^w. Full and Low are each optimal.
//
// Sound: the low bits of a sum depend on the operands' low bits only, so both
// are added alike: each half of a with each half of b.
func Add(w ir.Width, a, b T) (r T) {
	r.SetAdd(w, &a, &b)
	return r
}

// SetAdd sets r to Add(w, *a, *b) without copying. r must be neither a nor b.
func (r *T) SetAdd(w ir.Width, a, b *T) {
	h := half(w)
	if s := h.SignBit(); a.small(s) && b.small(s) && a.Full.Pos.Max+b.Full.Pos.Max < s {
		r.SetSmall(Range{a.Full.Pos.Min + b.Full.Pos.Min, a.Full.Pos.Max + b.Full.Pos.Max})
		return
	}
	r.Full.setSum(w, &a.Full, &b.Full)
	r.Low.setSum(h, &a.Low, &b.Low)
	r.settle(h)
}

// setSum sets r to a + b. Two ranges of words with top bit 0 have sums below
// 2^w; any word added to all words gives all.
func (r *Halves) setSum(w ir.Width, a, b *Halves) {
	if a.Neg.empty() && b.Neg.empty() && !a.Pos.empty() && !b.Pos.empty() {
		r.setSplit(w.Mask()>>1, a.Pos.Min+b.Pos.Min, a.Pos.Max+b.Pos.Max)
		return
	}
	if a.full(w.Mask()) && !b.empty() {
		*r = *a
		return
	}
	if b.Neg.empty() {
		*r = join(addRange(w, a.Pos, b.Pos), addRange(w, a.Neg, b.Pos))
		return
	}
	pp, pn := addRange(w, a.Pos, b.Pos), addRange(w, a.Pos, b.Neg)
	np, nn := addRange(w, a.Neg, b.Pos), addRange(w, a.Neg, b.Neg)
	*r = join(join(pp, pn), join(np, nn))
}

// addRange returns x + y for ranges within halves.
//
// Sound and best: together the ranges hold less than 2^w sums, which follow
// each other from that of the lower bounds to that of the upper ones.
func addRange(w ir.Width, x, y Range) Halves {
	if x.empty() || y.empty() {
		return none()
	}
	return arc(w.Mask(), (x.Min+y.Min)&w.Mask(), (x.Max+y.Max)&w.Mask())
}

// Sub returns a - b modulo 2^w. Full and Low are each optimal. Sound as Add.
func Sub(w ir.Width, a, b T) (r T) {
	r.setSub(w, &a, &b)
	return r
}

func (r *T) setSub(w ir.Width, a, b *T) {
	h := half(w)
	r.Full.setDifference(w, &a.Full, &b.Full)
	r.Low.setDifference(h, &a.Low, &b.Low)
	r.settle(h)
}

// setDifference sets r to a - b.
func (r *Halves) setDifference(w ir.Width, a, b *Halves) {
	if a.Neg.empty() && b.Neg.empty() && !b.Pos.empty() && !a.Pos.empty() {
		lo, hi := (a.Pos.Min-b.Pos.Max)&w.Mask(), (a.Pos.Max-b.Pos.Min)&w.Mask()
		if lo <= hi { // all differences have the same sign
			r.setSplit(w.Mask()>>1, lo, hi)
			return
		}
		r.Pos, r.Neg = Range{0, hi}, Range{lo, w.Mask()}
		return
	}
	if a.full(w.Mask()) && !b.empty() {
		*r = *a
		return
	}
	if b.Neg.empty() {
		*r = join(subRange(w, a.Pos, b.Pos), subRange(w, a.Neg, b.Pos))
		return
	}
	pp, pn := subRange(w, a.Pos, b.Pos), subRange(w, a.Pos, b.Neg)
	np, nn := subRange(w, a.Neg, b.Pos), subRange(w, a.Neg, b.Neg)
	*r = join(join(pp, pn), join(np, nn))
}

// subRange returns x - y for ranges within halves, as addRange does: the least
// difference is that of x's least and y's greatest word.
func subRange(w ir.Width, x, y Range) Halves {
	if x.empty() || y.empty() {
		return none()
	}
	return arc(w.Mask(), (x.Min-y.Max)&w.Mask(), (x.Max-y.Min)&w.Mask())
}

// Mul returns a * b modulo 2^w.
//
// Sound: the low bits of a product depend on the operands' low bits only. Each
// half of a is multiplied with each half of b, by magnitude.
func Mul(w ir.Width, a, b T) (r T) {
	r.setMul(w, &a, &b)
	return r
}

func (r *T) setMul(w ir.Width, a, b *T) {
	if k, ok := b.power(); ok {
		*r = shlKnown(w, a, k)
		return
	}
	if k, ok := a.power(); ok {
		*r = shlKnown(w, b, k)
		return
	}
	h := half(w)
	r.Full = mulHalves(w, a.Full, b.Full)
	r.Low = mulHalves(h, a.Low, b.Low)
	r.settle(h)
}

// power returns k if 2^k is the only word of t.
func (t *T) power() (k uint64, ok bool) {
	x, y := t.Full.min(), t.Full.max()
	return uint64(bits.TrailingZeros64(x)), x == y && x&(x-1) == 0 && x != 0
}

func mulHalves(w ir.Width, a, b Halves) Halves {
	an, bn := negate(w, a.Neg), negate(w, b.Neg)
	same := join(mulRange(w, a.Pos, b.Pos, false), mulRange(w, an, bn, false))
	differ := join(mulRange(w, a.Pos, bn, true), mulRange(w, an, b.Pos, true))
	return join(same, differ)
}

// mulRange returns x * y, or -(x * y), modulo 2^w.
//
// Sound: products of magnitudes grow with both, so they lie between those of
// the bounds, taken at 128 bits; if these are less than 2^w apart, the words
// lie on the arc between them, otherwise they can be any.
func mulRange(w ir.Width, x, y Range, negative bool) Halves {
	if x.empty() || y.empty() {
		return none()
	}
	loHigh, lo := bits.Mul64(x.Min, y.Min)
	hiHigh, hi := bits.Mul64(x.Max, y.Max)
	span, borrow := bits.Sub64(hi, lo, 0)
	if hiHigh-loHigh-borrow != 0 || span > w.Mask() {
		return all(w)
	}
	if negative {
		lo, hi = -hi, -lo
	}
	return arc(w.Mask(), lo&w.Mask(), hi&w.Mask())
}
