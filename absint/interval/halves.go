package interval

import "github.com/bpfproof/bpfproof/ir"

// Range is a set of words in unsigned order, both bounds included. The only
// empty range in use has Min all ones and Max 0, so that the least Min and the
// greatest Max of two ranges are always those of their union.
type Range struct{ Min, Max uint64 }

// Halves is a set of words of some width: Pos holds those whose top bit is 0,
// Neg those whose top bit is 1.
type Halves struct{ Pos, Neg Range }

func noRange() Range { return Range{^uint64(0), 0} }

func none() Halves { return Halves{noRange(), noRange()} }

// ordered returns the range from lo to hi, the empty one if lo > hi.
func ordered(lo, hi uint64) Range {
	if lo > hi {
		return noRange()
	}
	return Range{lo, hi}
}

// Empty reports whether r has no word.
func (r Range) Empty() bool { return r.Min > r.Max }

func (r Range) empty() bool { return r.Min > r.Max }

func (r Range) contains(x uint64) bool { return r.Min <= x && x <= r.Max }

func (r Range) leq(s Range) bool { return s.Min <= r.Min && r.Max <= s.Max }

func meetRange(r, s Range) Range { return ordered(max(r.Min, s.Min), min(r.Max, s.Max)) }

func joinRange(r, s Range) Range { return Range{min(r.Min, s.Min), max(r.Max, s.Max)} }

// all returns all w-bit words.
func all(w ir.Width) Halves {
	return Halves{Range{0, w.Mask() >> 1}, Range{w.SignBit(), w.Mask()}}
}

// full reports whether a has all words up to m.
func (a *Halves) full(m uint64) bool {
	return a.Pos.Min == 0 && a.Pos.Max+1 == a.Neg.Min && a.Neg.Max == m
}

// single returns the w-bit word x.
func single(w ir.Width, x uint64) Halves { return split(w, x, x) }

// split returns the w-bit words from lo to hi, lo <= hi.
func split(w ir.Width, lo, hi uint64) Halves {
	s := w.SignBit()
	if hi < s {
		return Halves{Range{lo, hi}, noRange()}
	}
	if lo >= s {
		return Halves{noRange(), Range{lo, hi}}
	}
	return Halves{Range{lo, s - 1}, Range{s, hi}}
}

// setSplit sets a to the words from lo to hi, lo <= hi; most is the greatest
// word with top bit 0.
func (a *Halves) setSplit(most, lo, hi uint64) {
	if hi <= most {
		a.Pos, a.Neg = Range{lo, hi}, noRange()
		return
	}
	a.Pos, a.Neg = noRange(), Range{lo, hi}
	if lo <= most {
		a.Pos, a.Neg = Range{lo, most}, Range{most + 1, hi}
	}
}

// arc returns the best halves of the words up to the mask m met in going up
// from lo to hi, past all ones to 0 if lo > hi.
func arc(m, lo, hi uint64) (r Halves) {
	if lo <= hi {
		r.setSplit(m>>1, lo, hi)
		return r
	}
	var s Halves
	r.setSplit(m>>1, lo, m)
	s.setSplit(m>>1, 0, hi)
	return join(r, s)
}

func join(a, b Halves) Halves { return Halves{joinRange(a.Pos, b.Pos), joinRange(a.Neg, b.Neg)} }

func meet(a, b Halves) Halves { return Halves{meetRange(a.Pos, b.Pos), meetRange(a.Neg, b.Neg)} }

func (a Halves) leq(b Halves) bool { return a.Pos.leq(b.Pos) && a.Neg.leq(b.Neg) }

func (a *Halves) empty() bool { return a.Pos.empty() && a.Neg.empty() }

func (a *Halves) contains(x uint64) bool { return a.Pos.contains(x) || a.Neg.contains(x) }

// min returns the least word, read unsigned, of halves that are not empty.
func (a *Halves) min() uint64 { return min(a.Pos.Min, a.Neg.Min) }

// max returns the greatest word, read unsigned, of halves that are not empty.
func (a *Halves) max() uint64 { return max(a.Pos.Max, a.Neg.Max) }

// signed returns the least and greatest word, read signed, of halves that are
// not empty.
func (a Halves) signed(w ir.Width) (lo, hi int64) {
	lo, hi = int64(a.Pos.Min), int64(a.Pos.Max)
	if !a.Neg.empty() {
		lo = w.SignExtend(a.Neg.Min)
		if a.Pos.empty() {
			hi = w.SignExtend(a.Neg.Max)
		}
	}
	return lo, hi
}

// atLeast returns the least word that is not below x.
func (a *Halves) atLeast(x uint64) (uint64, bool) {
	if !a.Pos.empty() && x <= a.Pos.Max {
		return max(x, a.Pos.Min), true
	}
	return max(x, a.Neg.Min), !a.Neg.empty() && x <= a.Neg.Max
}

// atMost returns the greatest word that is not above x.
func (a *Halves) atMost(x uint64) (uint64, bool) {
	if !a.Neg.empty() && x >= a.Neg.Min {
		return min(x, a.Neg.Max), true
	}
	return min(x, a.Pos.Max), !a.Pos.empty() && x >= a.Pos.Min
}

// valid reports that both ranges lie in their halves, and are the empty range
// if they are empty.
func (a Halves) valid(w ir.Width) bool {
	pos := a.Pos == noRange() || a.Pos.Min <= a.Pos.Max && a.Pos.Max < w.SignBit()
	neg := a.Neg == noRange() || a.Neg.Min <= a.Neg.Max && a.Neg.Min >= w.SignBit() && a.Neg.Max <= w.Mask()
	return pos && neg
}

// negate returns the w-bit words -x for x in r, as they stand in r's place:
// for words with top bit 1 these are the magnitudes, from 1 to 2^(w-1).
func negate(w ir.Width, r Range) Range {
	if r.empty() {
		return r
	}
	return Range{-r.Max & w.Mask(), -r.Min & w.Mask()}
}
