package interval

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// And returns a & b. Full and Low are each optimal.
//
// Sound: bits are independent, so Full and Low go alike, each half with each
// half; the top bit of the result is that of both operands.
func And(w ir.Width, a, b T) (r T) {
	r.setAnd(w, &a, &b)
	return r
}

func (r *T) setAnd(w ir.Width, a, b *T) {
	r.Full = andHalves(a.Full, b.Full)
	r.Low = andHalves(a.Low, b.Low)
	r.settle(half(w))
}

func andHalves(a, b Halves) Halves {
	pos := joinRange(andRange(a.Pos, b.Pos), joinRange(andRange(a.Pos, b.Neg), andRange(a.Neg, b.Pos)))
	return Halves{pos, andRange(a.Neg, b.Neg)}
}

// Or returns a | b. Full and Low are each optimal. Sound as And is.
func Or(w ir.Width, a, b T) (r T) {
	r.setOr(w, &a, &b)
	return r
}

func (r *T) setOr(w ir.Width, a, b *T) {
	r.Full = orHalves(a.Full, b.Full)
	r.Low = orHalves(a.Low, b.Low)
	r.settle(half(w))
}

func orHalves(a, b Halves) Halves {
	neg := joinRange(orRange(a.Neg, b.Neg), joinRange(orRange(a.Pos, b.Neg), orRange(a.Neg, b.Pos)))
	return Halves{orRange(a.Pos, b.Pos), neg}
}

// Xor returns a ^ b. Full and Low are each optimal where either operand is
// known. Sound as And is.
func Xor(w ir.Width, a, b T) (r T) {
	r.setXor(w, &a, &b)
	return r
}

func (r *T) setXor(w ir.Width, a, b *T) {
	r.Full = xorHalves(a.Full, b.Full)
	r.Low = xorHalves(a.Low, b.Low)
	r.settle(half(w))
}

func xorHalves(a, b Halves) Halves {
	pos := joinRange(xorRange(a.Pos, b.Pos), xorRange(a.Neg, b.Neg))
	return Halves{pos, joinRange(xorRange(a.Pos, b.Neg), xorRange(a.Neg, b.Pos))}
}

// below returns the word with all bits set up to the highest set bit of x.
func below(x uint64) uint64 { return ^uint64(0) >> bits.LeadingZeros64(x) }

// orRange returns the range of x | y, exactly.
func orRange(x, y Range) Range {
	if x.empty() || y.empty() {
		return noRange()
	}
	return Range{minOr(x, y), maxOr(x, y)}
}

// andRange returns the range of x & y, exactly: complementing turns it into
// orRange and the order around.
func andRange(x, y Range) Range {
	if x.empty() || y.empty() {
		return noRange()
	}
	x, y = Range{^x.Max, ^x.Min}, Range{^y.Max, ^y.Min}
	return Range{^maxOr(x, y), ^minOr(x, y)}
}

// maxOr returns the greatest x | y (Hacker's Delight, figure 4-4, without its
// loop).
//
// The upper bounds' union is best unless one bit is set in both and one bound
// can do without it: then that one's lower bits can all be 1. It can if its
// range differs at that bit or a higher one. The highest such bit wins.
func maxOr(x, y Range) uint64 {
	spare := x.Max & y.Max & below((x.Min^x.Max)|(y.Min^y.Max))
	return x.Max | y.Max | below(spare)>>1
}

// minOr returns the least x | y (Hacker's Delight, figure 4-3, without its
// loop).
//
// The lower bounds' union is best unless one bit is set in one of them only
// and the other can have it too: then that other's lower bits can all be 0. It
// can if its range differs at that bit or a higher one. The highest such bit
// wins.
func minOr(x, y Range) uint64 {
	byX := y.Min &^ x.Min & below(x.Min^x.Max)
	byY := x.Min &^ y.Min & below(y.Min^y.Max)
	if byX > byY {
		return x.Min&^(below(byX)>>1) | y.Min
	}
	return y.Min&^(below(byY)>>1) | x.Min
}

// xorRange returns a range of x ^ y; it is exact if either is one word.
//
// Sound: leading bits that neither range varies are known; x ^ y is at least
// the distance of x and y, and at most x | y.
func xorRange(x, y Range) Range {
	if x.empty() || y.empty() {
		return noRange()
	}
	if x.Min == x.Max {
		return Range{minXor(y, x.Min), ^minXor(y, ^x.Min)}
	}
	if y.Min == y.Max {
		return Range{minXor(x, y.Min), ^minXor(x, ^y.Min)}
	}
	open := below((x.Min ^ x.Max) | (y.Min ^ y.Max))
	base := (x.Min ^ y.Min) &^ open
	least := base
	if x.Min > y.Max {
		least = max(least, x.Min-y.Max)
	}
	if y.Min > x.Max {
		least = max(least, y.Min-x.Max)
	}
	return Range{least, min(base|open, maxOr(x, y))}
}

// minXor returns the least x ^ c for x in r.
//
// In the first bit where r's bounds differ, x can be as c. Behind it, x must
// then be at least the lower bound, or at most the upper one, whose case is
// that of the complements. Going down, x agrees with c unless the bound has 1
// and c 0, which costs that bit; once the bound has 0 and c 1, the rest is
// free.
func minXor(r Range, c uint64) uint64 {
	open := below(r.Min ^ r.Max)
	fixed := (r.Min ^ c) &^ open
	first := open &^ (open >> 1)
	bound := r.Min
	if c&first != 0 {
		bound, c = ^r.Max, ^c
	}
	rest := open >> 1
	return fixed | bound&^c&rest&^below(c&^bound&rest)
}

// Resize truncates or extends a from one width to another. Between widths of
// which one is a multiple of twice the other it is optimal, and truncation to
// the half is.
//
// Sound: an extension keeps each word's value, read unsigned or signed. A
// truncation keeps low bits: those of a range lie on an arc, and Low tells of
// them too where it covers the result, or is covered by it.
func Resize(a T, from, to ir.Width, signed bool) T {
	if a.IsBottom() || from == to {
		return a
	}
	if to < from {
		return shorten(a, from, to)
	}
	r := T{extend(a.Full, from, to, signed), all(half(to))}
	if h := half(to); h >= from {
		r.Low = extend(a.Full, from, h, signed)
	} else {
		r.Low = shorten(a, from, h).Full
	}
	r.settle(half(to))
	return r
}

// shorten truncates a.
func shorten(a T, from, to ir.Width) T {
	r := T{truncate(to, a.Full), truncate(half(to), a.Low)}
	if h := half(from); to <= h {
		r.Full = meet(r.Full, truncate(to, a.Low))
	} else {
		r.Full.Pos.within(h.Mask(), &a.Low)
		r.Full.Neg.within(h.Mask(), &a.Low)
	}
	r.settle(half(to))
	return r
}

// truncate returns the low n bits of the words in a.
func truncate(n ir.Width, a Halves) Halves {
	return join(truncateRange(n.Mask(), a.Pos), truncateRange(n.Mask(), a.Neg))
}

// truncateRange returns the low bits, those of the mask m, of the words in r:
// all, or those on an arc if there are fewer words than these.
func truncateRange(m uint64, r Range) Halves {
	if r.empty() {
		return none()
	}
	if r.Max-r.Min >= m {
		return arc(m, 0, m)
	}
	return arc(m, r.Min&m, r.Max&m)
}

// extend returns words from one width at a greater or equal one, read as
// signed or unsigned numbers.
func extend(a Halves, from, to ir.Width, signed bool) Halves {
	if from == to {
		return a
	}
	if !signed {
		return Halves{joinRange(a.Pos, a.Neg), noRange()}
	}
	if a.Neg.empty() {
		return a
	}
	high := to.Mask() &^ from.Mask()
	return Halves{a.Pos, Range{a.Neg.Min | high, a.Neg.Max | high}}
}

// Swap returns the byte order conversion of the low w bits of the 64-bit a
// (sem.Swap).
//
// Sound: leading bits that all w-bit words share come to lie elsewhere, known
// as before; the others, all 0 and all 1, give the bounds.
func Swap(op ir.SwapOp, w ir.Width, a T) T {
	x := Resize(a, ir.W64, w, false)
	if x.IsBottom() || op == ir.ToLE {
		return Resize(x, w, ir.W64, false)
	}
	lo, hi := x.Full.min(), x.Full.max()
	open := below(lo ^ hi)
	value := bits.ReverseBytes64(lo&^open) >> (64 - w)
	return Unsigned(ir.W64, value, value|bits.ReverseBytes64(open)>>(64-w))
}
