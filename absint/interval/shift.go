package interval

import "github.com/bpfproof/bpfproof/ir"

// Shl returns a << y modulo 2^w, 0 where y >= w. It is optimal for a known
// amount.
//
// Sound: the low bits of the result depend on a's low bits only, so Full and
// Low go alike. Amounts of w and more add the word 0.
func Shl(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	least, greatest := y.Full.min(), y.Full.max()
	if least == greatest {
		return shlKnown(w, &a, least)
	}
	return settled(w, shlHalves(w, a.Full, least, greatest), shlHalves(half(w), a.Low, least, greatest))
}

// shlKnown returns a << k, optimally.
//
// Sound: of n bits the result's upper n-k are the lower n-k of a; the order of
// words stays.
func shlKnown(w ir.Width, a *T, k uint64) T {
	if k >= uint64(w) {
		return Const(w, 0)
	}
	h := half(w)
	r := T{up(a.bits(w, w.Mask()>>k), k), single(h, 0)}
	if k < uint64(h) {
		r.Low = up(a.bits(w, h.Mask()>>k), k)
	}
	r.settle(h)
	return r
}

// up shifts bounds by k, less than 64; the empty range stays what it is.
func up(a Halves, k uint64) Halves {
	if !a.Pos.empty() {
		a.Pos = Range{a.Pos.Min << k, a.Pos.Max << k}
	}
	if !a.Neg.empty() {
		a.Neg = Range{a.Neg.Min << k, a.Neg.Max << k}
	}
	return a
}

// bits returns the best halves of the low n <= w bits, those of the mask m, of
// the words of t.
//
// Sound and best: the words of a full range that Low allows are, in its middle,
// all of them. So the low n >= h bits are those on the range's arc that Low
// allows; and fewer bits those of the allowed parts of the arc of low halves,
// which have no gaps.
func (t *T) bits(w ir.Width, m uint64) Halves {
	h := half(w).Mask()
	if m < h {
		return join(t.parts(h, m, t.Full.Pos), t.parts(h, m, t.Full.Neg))
	}
	p, q := truncateRange(m, t.Full.Pos), truncateRange(m, t.Full.Neg)
	p.cutLow(h, &t.Low)
	q.cutLow(h, &t.Low)
	return join(p, q)
}

// cutLow keeps the words of a whose low bits, those of the mask m, are in low.
func (a *Halves) cutLow(m uint64, low *Halves) {
	a.Pos.within(m, low)
	a.Neg.within(m, low)
}

// parts returns the low bits, those of the mask m, of those low halves of words
// in r that Low allows. The mask of low halves, h, has more bits.
func (t *T) parts(h, m uint64, r Range) Halves {
	if r.empty() {
		return none()
	}
	from, to := r.Min&h, r.Max&h
	if r.Max-r.Min >= h {
		from, to = 0, h
	}
	if from <= to {
		s := Range{from, to}
		return join(truncateRange(m, meetRange(s, t.Low.Pos)), truncateRange(m, meetRange(s, t.Low.Neg)))
	}
	lo, hi := Range{0, to}, Range{from, h}
	p := join(truncateRange(m, meetRange(lo, t.Low.Pos)), truncateRange(m, meetRange(hi, t.Low.Pos)))
	q := join(truncateRange(m, meetRange(lo, t.Low.Neg)), truncateRange(m, meetRange(hi, t.Low.Neg)))
	return join(p, q)
}

func shlHalves(w ir.Width, a Halves, least, greatest uint64) Halves {
	if least >= uint64(w) {
		return single(w, 0)
	}
	r := join(lastBit(w, a.Pos), lastBit(w, a.Neg))
	if least < uint64(w-1) {
		r = join(shlPos(w, a.Pos, least, min(greatest, uint64(w-1))), shlNeg(w, a.Neg, least, min(greatest, uint64(w-1))))
	}
	if greatest >= uint64(w) {
		return join(r, single(w, 0))
	}
	return r
}

// lastBit shifts words by w-1: only their last bit stays.
func lastBit(w ir.Width, r Range) Halves {
	if r.empty() {
		return none()
	}
	if r.Min == r.Max {
		return single(w, r.Min<<(w-1)&w.Mask())
	}
	return Halves{Range{0, 0}, Range{w.SignBit(), w.SignBit()}}
}

// shlPos shifts words with top bit 0 by amounts below w.
//
// Sound: as long as no bit is lost, the result grows with the word and the
// amount. Words in the result end in as many zeros as the least amount.
func shlPos(w ir.Width, r Range, least, greatest uint64) Halves {
	if r.empty() {
		return none()
	}
	m := w.Mask()
	if r.Max <= m>>greatest {
		return multiples(split(w, r.Min<<least, r.Max<<greatest), least)
	}
	return multiples(all(w), least)
}

// shlNeg shifts words with top bit 1, by their magnitudes: -x << k is
// -(x << k).
func shlNeg(w ir.Width, r Range, least, greatest uint64) Halves {
	if r.empty() {
		return none()
	}
	m := w.Mask()
	x := negate(w, r)
	if x.Max <= m>>greatest {
		return multiples(arc(m, -(x.Max<<greatest)&m, -(x.Min<<least)&m), least)
	}
	return multiples(all(w), least)
}

// multiples cuts upper bounds down to multiples of 2^k, k < 64. Lower bounds,
// the bounds of halves included, are such multiples already.
func multiples(a Halves, k uint64) Halves {
	m := uint64(1)<<k - 1
	return Halves{Range{a.Pos.Min, a.Pos.Max &^ m}, Range{a.Neg.Min, a.Neg.Max &^ m}}
}

// LShr returns a >> y filled with zeros. Full's bounds are exact; it is optimal
// for a known amount.
//
// Sound: the result grows with the word and falls with the amount; Go's shift
// by 64 and more gives 0, as must be. Only shifted by 0, a word can keep its
// top bit; it is unchanged then. See shifted for Low.
func LShr(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	return shr(w, &a, y.Full.min(), y.Full.max())
}

// shr returns a >> k for all k from least to greatest, a not Bottom.
func shr(w ir.Width, a *T, least, greatest uint64) T {
	if greatest == 0 {
		return *a
	}
	p, n := a.Full.Pos, a.Full.Neg
	if least != 0 {
		p, n = shrRange(p, least, greatest), shrRange(n, least, greatest)
		return shifted(w, a, p, n, least, greatest)
	}
	r := T{Halves{joinRange(shrRange(p, 0, greatest), shrRange(n, 1, greatest)), n}, all(half(w))}
	r.settle(half(w))
	return r
}

func shrRange(r Range, least, greatest uint64) Range {
	if r.empty() {
		return r
	}
	return Range{r.Min >> greatest, r.Max >> least}
}

// AShr returns a >> y filled with the top bit of the w-bit a. Full's bounds are
// exact; it is optimal for a known amount.
//
// Sound: words with top bit 0 shift as in LShr. The others grow towards -1 both
// with the word and with the amount.
func AShr(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	least, greatest := y.Full.min(), y.Full.max()
	if greatest == 0 {
		return a
	}
	n := a.Full.Neg
	if !n.empty() {
		n.Min = uint64(w.SignExtend(n.Min)>>min(least, 63)) & w.Mask()
		n.Max = uint64(w.SignExtend(n.Max)>>min(greatest, 63)) & w.Mask()
	}
	return shifted(w, &a, shrRange(a.Full.Pos, least, greatest), n, least, greatest)
}

// shifted returns the element of what a right shift has made of a's ranges,
// each still in one half: p and n.
//
// Sound: the low half of the result lies on the arc of low halves of p or n. If
// the amount k is known, its lower bits are the upper ones of a's low half,
// which are in Low shifted by k. The latter has no gaps that p and n do not
// know of, so that this is best.
func shifted(w ir.Width, a *T, p, n Range, least, greatest uint64) T {
	h := half(w)
	m := h.Mask()
	s, t := truncateRange(m, p), truncateRange(m, n)
	if least == greatest && least < uint64(h) {
		low := Halves{shrRange(a.Low.Pos, least, least), shrRange(a.Low.Neg, least, least)}
		s.cutLow(m>>least, &low)
		t.cutLow(m>>least, &low)
	}
	r := T{Halves{p, n}, join(s, t)}
	if n.Min < w.SignBit() { // a logical shift has cleared the top bit
		r.Full = Halves{joinRange(p, n), noRange()}
	}
	r.settle(h)
	return r
}
