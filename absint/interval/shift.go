package interval

import "github.com/bpfproof/bpfproof/ir"

// Shl returns a << y modulo 2^w, 0 where y >= w. Full is optimal for a known
// amount.
//
// Sound: the low bits of the result depend on a's low bits only, so Full and
// Low go alike. Amounts of w and more add the word 0.
func Shl(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	least, greatest := y.Full.min(), y.Full.max()
	return settled(w, shlHalves(w, a.Full, least, greatest), shlHalves(half(w), a.Low, least, greatest))
}

func shlHalves(w ir.Width, a Halves, least, greatest uint64) Halves {
	if least >= uint64(w) {
		return single(w, 0)
	}
	r := join(shlPos(w, a.Pos, least, min(greatest, uint64(w-1))), shlNeg(w, a.Neg, least, min(greatest, uint64(w-1))))
	if greatest >= uint64(w) {
		return join(r, single(w, 0))
	}
	return r
}

// shlPos shifts words with top bit 0 by amounts below w.
//
// Sound: as long as no bit is lost, the result grows with the word and the
// amount. Of a known amount k, the results follow each other 2^k apart, and
// cover all such words once the range is as long as that takes. Words in the
// result end in as many zeros as the least amount.
func shlPos(w ir.Width, r Range, least, greatest uint64) Halves {
	if r.empty() {
		return none()
	}
	m := w.Mask()
	if r.Max <= m>>greatest {
		return multiples(split(w, r.Min<<least, r.Max<<greatest), least)
	}
	if least == greatest && r.Max-r.Min <= m>>least {
		return multiples(arc(w, r.Min<<least&m, r.Max<<least&m), least)
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
		return multiples(arc(w, -(x.Max<<greatest)&m, -(x.Min<<least)&m), least)
	}
	if least == greatest && x.Max-x.Min <= m>>least {
		return multiples(arc(w, -(x.Max<<least)&m, -(x.Min<<least)&m), least)
	}
	return multiples(all(w), least)
}

// multiples cuts upper bounds down to multiples of 2^k, k < 64. Lower bounds,
// the bounds of halves included, are such multiples already.
func multiples(a Halves, k uint64) Halves {
	m := uint64(1)<<k - 1
	return Halves{Range{a.Pos.Min, a.Pos.Max &^ m}, Range{a.Neg.Min, a.Neg.Max &^ m}}
}

// LShr returns a >> y filled with zeros. Full is optimal for a known amount.
//
// Sound: the result grows with the word and falls with the amount; Go's shift
// by 64 and more gives 0, as must be.
func LShr(w ir.Width, a, y T) T {
	if a.IsBottom() || y.IsBottom() {
		return Bottom()
	}
	least, greatest := y.Full.min(), y.Full.max()
	if greatest == 0 {
		return a
	}
	r := join(shrRange(w, a.Full.Pos, least, greatest), shrRange(w, a.Full.Neg, least, greatest))
	return settled(w, r, all(half(w)))
}

func shrRange(w ir.Width, r Range, least, greatest uint64) Halves {
	if r.empty() {
		return none()
	}
	return split(w, r.Min>>greatest, r.Max>>least)
}

// AShr returns a >> y filled with the top bit of the w-bit a. Full is optimal
// for a known amount.
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
	r := shrRange(w, a.Full.Pos, least, greatest)
	if n := a.Full.Neg; !n.empty() {
		lo := uint64(w.SignExtend(n.Min)>>min(least, 63)) & w.Mask()
		hi := uint64(w.SignExtend(n.Max)>>min(greatest, 63)) & w.Mask()
		r = join(r, split(w, lo, hi))
	}
	return settled(w, r, all(half(w)))
}
