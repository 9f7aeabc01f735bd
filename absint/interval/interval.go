// Package interval is the abstract domain of ranges: unsigned and signed
// ranges of a word, and of its low half, in one element and always in step.
//
// The package knows words only; not registers, programs or other domains.
//
// # Representation
//
// A word's unsigned and signed order differ only in which half comes first:
// the words with top bit 0, or those with top bit 1. An element keeps one
// range for each of these two halves ([Halves]). That is the same knowledge as
// an unsigned and a signed range that have learnt all they can from each other
// (if both halves have words, the unsigned range goes from the least of the
// first to the greatest of the second, the signed one from the least of the
// second to the greatest of the first), and there is nothing left to keep in
// step. The same is kept for the word's low w/2 bits: at 64 bits, the unsigned
// and signed 32-bit ranges.
//
// # Invariants
//
// An element is valid at width w if it is settled: every bound of the four
// ranges is attained by a word that all of them allow. So the element of a set
// is unique, [Leq] and emptiness are exact, and the 64-bit and 32-bit ranges
// are at their common fixpoint, which [Settle] reaches in one pass. All
// functions keep that, are total and allocate nothing.
//
// # Precision
//
// Optimal on whole elements are casts between the widths of eBPF, shifts by a
// known amount, sums and differences with a known operand, comparisons other
// than SET, and refinements by orders and equality. Sums and differences of two unknown
// operands are optimal in Full and in Low, each taken alone: that Low's two
// ranges are joined after a carry can leave a bound of Full loose. How far all
// operators are from the best element is in testdata/precision.golden.
//
//	d := interval.Domain{}
//	x := d.Bin(sem.URem, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 10)) // [0,9]
//
// Sources: H. S. Warren: Hacker's Delight, 2nd edition, section 4-3 (bounds of
// and, or); kernel/bpf/verifier.c of Linux 6.18 (reg_bounds_sync) keeps the
// same four ranges, and passes facts between them a fixed number of times.
package interval

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
)

// T is an element: Full encloses the words, Low their low half(w) bits.
type T struct{ Full, Low Halves }

// Half returns the number of bits that Low tells of: w/2, at least 1.
func Half(w ir.Width) ir.Width { return half(w) }

func half(w ir.Width) ir.Width { return max(1, w/2) }

// Bottom returns the element that stands for no word.
func Bottom() T { return T{none(), none()} }

// Top returns the element of all w-bit words.
func Top(w ir.Width) T { return T{all(w), all(half(w))} }

// Const returns the element of the low w bits of x.
func Const(w ir.Width, x uint64) T {
	return T{single(w, x&w.Mask()), single(half(w), x&half(w).Mask())}
}

// Unsigned returns the best element of the words from lo to hi, both of w
// bits, lo <= hi.
func Unsigned(w ir.Width, lo, hi uint64) T {
	return settled(w, split(w, lo, hi), all(half(w)))
}

// IsTop reports whether t stands for all w-bit words.
func (t *T) IsTop(w ir.Width) bool { return t.Full.full(w.Mask()) && t.Low.full(half(w).Mask()) }

// IsBottom reports whether t stands for no word.
func (t T) IsBottom() bool { return t.Full.empty() }

// Const returns the only word of t, if it has just one.
func (t T) Const() (x uint64, ok bool) {
	x, hi := t.Full.min(), t.Full.max()
	return x, x == hi
}

// Contains reports whether t stands for the w-bit word x.
func (t T) Contains(w ir.Width, x uint64) bool {
	return t.Full.contains(x) && t.Low.contains(x&half(w).Mask())
}

// Valid reports the invariant of the representation at width w.
func (t T) Valid(w ir.Width) bool {
	return t.Full.valid(w) && t.Low.valid(half(w)) && t.attained(half(w).Mask())
}

// attained reports that a word of t lies at every bound, which is to say that
// t is settled; m is the mask of the low half.
func (t *T) attained(m uint64) bool {
	if !t.Full.Pos.endsIn(m, &t.Low) || !t.Full.Neg.endsIn(m, &t.Low) || !t.endsLow(m, t.Low.Pos) || !t.endsLow(m, t.Low.Neg) {
		return false
	}
	return t.Full.empty() == t.Low.empty()
}

// endsIn reports that the low bits of both bounds are in low; true of the
// empty range.
func (r *Range) endsIn(m uint64, low *Halves) bool {
	return r.empty() || low.contains(r.Min&m) && low.contains(r.Max&m)
}

// endsLow reports that both bounds of r, a range of low halves, are low halves
// of words in the full ranges; true of the empty range.
func (t *T) endsLow(m uint64, r Range) bool {
	return r.empty() || t.hasLow(m, r.Min) && t.hasLow(m, r.Max)
}

// hasLow reports whether a word in the full ranges has the low half x: the
// first one from the least word on is not above the greatest.
func (t *T) hasLow(m, x uint64) bool {
	p, n := t.Full.Pos, t.Full.Neg
	return !p.empty() && (x-p.Min)&m <= p.Max-p.Min || !n.empty() && (x-n.Min)&m <= n.Max-n.Min
}

// Bounds returns the least and greatest words of t, not Bottom.
func (t T) Bounds(w ir.Width) absint.Bounds {
	b := absint.Bounds{UMin: t.Full.min(), UMax: t.Full.max()}
	b.SMin, b.SMax = t.Full.signed(w)
	return b
}

// Settle returns the best element of the words that all four ranges of t
// allow. The ranges may be cut in any way beforehand: bounds must only keep to
// their halves, or cross to make a range empty.
func Settle(w ir.Width, t T) T {
	t.Full = Halves{ordered(t.Full.Pos.Min, t.Full.Pos.Max), ordered(t.Full.Neg.Min, t.Full.Neg.Max)}
	t.Low = Halves{ordered(t.Low.Pos.Min, t.Low.Pos.Max), ordered(t.Low.Neg.Min, t.Low.Neg.Max)}
	return settle(w, t)
}

// settle makes every bound of t one that a word of t attains, and so makes
// the element unique: the fixpoint of all that the ranges can learn from each
// other. Only words that some range already excludes are lost.
//
// One pass is enough. First each full range is cut to its least and greatest
// words with an allowed low half. Then each low range is cut to the least and
// greatest low half of words in the full ranges. The words at the full bounds
// have low halves that are kept, so they are still there.
func settle(w ir.Width, t T) T {
	t.settle(half(w))
	return t
}

// settled returns the settled element of two parts.
func settled(w ir.Width, full, low Halves) T {
	t := T{full, low}
	t.settle(half(w))
	return t
}

// settle settles t in place; h is half(w).
func (t *T) settle(h ir.Width) {
	m := h.Mask()
	if !t.Low.full(m) {
		t.Full.Pos.within(m, &t.Low)
		t.Full.Neg.within(m, &t.Low)
	}
	p, n := t.Full.Pos, t.Full.Neg
	if !p.empty() && p.Max-p.Min >= m || !n.empty() && n.Max-n.Min >= m {
		return // all low halves that are allowed are there
	}
	if n.empty() {
		t.Low = lows(m, p, t.Low)
		return
	}
	t.Low = join(lows(m, p, t.Low), lows(m, n, t.Low))
}

// within cuts r to the least and the greatest of its words whose low bits,
// those of the mask m, are in low.
func (r *Range) within(m uint64, low *Halves) {
	if !low.contains(r.Min&m) || !low.contains(r.Max&m) {
		*r = cut(m, *r, low)
	}
}

// cut is within for a range that is cut, or empty.
func cut(m uint64, r Range, low *Halves) Range {
	if r.empty() || low.empty() {
		return noRange()
	}
	lo, hi := r.Min&^m, r.Max&^m
	x, ok := low.atLeast(r.Min & m)
	if !ok {
		if lo == hi {
			return noRange() // no larger high half is left
		}
		lo, x = lo+m+1, low.min()
	}
	y, ok := low.atMost(r.Max & m)
	if !ok {
		if lo >= hi {
			return noRange()
		}
		hi, y = hi-m-1, low.max()
	}
	return ordered(lo|x, hi|y)
}

// lows cuts low to the least and the greatest low bits, those of the mask m,
// of words in r, in each half.
//
// A range of m+1 words or more has all of them; a shorter one has those from
// its first word's to its last word's, which can wrap around.
func lows(m uint64, r Range, low Halves) Halves {
	if r.empty() {
		return none()
	}
	if r.Max-r.Min >= m {
		return low
	}
	from, to := r.Min&m, r.Max&m
	if from <= to {
		return Halves{meetRange(low.Pos, Range{from, to}), meetRange(low.Neg, Range{from, to})}
	}
	return Halves{outside(low.Pos, to, from), outside(low.Neg, to, from)}
}

// outside cuts r to its least and greatest words that are at most a or at
// least b, a < b.
func outside(r Range, a, b uint64) Range {
	lo, hi := r.Min, r.Max
	if lo > a && lo < b {
		lo = b
	}
	if hi > a && hi < b {
		hi = a
	}
	return ordered(lo, hi)
}

// Leq reports whether every word of a is one of b. It is exact, as a's bounds
// are attained.
func Leq(a, b T) bool { return a.Full.leq(b.Full) && a.Low.leq(b.Low) }

// Join returns the best element of the words of a and of b. It is settled, as
// each bound is attained by a word of a or of b.
func Join(a, b T) T { return T{join(a.Full, b.Full), join(a.Low, b.Low)} }

// Meet returns the best element of the words that a and b share. Sound: they
// lie in both's ranges.
func Meet(w ir.Width, a, b T) T {
	return settled(w, meet(a.Full, b.Full), meet(a.Low, b.Low))
}

// Widen returns an element above prev and next such that ascending chains are
// finite: a full bound that moved goes to the next threshold, all of Low goes
// to the top if it grew.
//
// Finite: between two growths of Low, each of four bounds can pass each of
// eight thresholds once, as settling takes it back to the same word below the
// threshold for the same Low. After a growth of Low it is no longer settled by
// anything but the full ranges, so it can grow again only if one of these
// passed a threshold.
func Widen(w ir.Width, prev, next T) T {
	if prev.IsBottom() {
		return next
	}
	t := Join(prev, next)
	t.Full = Halves{widenPos(w, prev.Full.Pos, t.Full.Pos), widenNeg(w, prev.Full.Neg, t.Full.Neg)}
	if t.Low != prev.Low {
		t.Low = all(half(w))
	}
	return settle(w, t)
}

// widenPos widens a range of words with top bit 0: its bounds move to
// thresholds away from their old places.
func widenPos(w ir.Width, prev, next Range) Range {
	if next.empty() {
		return next
	}
	if next.Min != prev.Min {
		next.Min = lowerThreshold(next.Min)
	}
	if next.Max != prev.Max {
		next.Max = min(upperThreshold(next.Max), w.Mask()>>1)
	}
	return next
}

// widenNeg widens a range of words with top bit 1 as their complements, which
// turns the order around.
func widenNeg(w ir.Width, prev, next Range) Range {
	if next.empty() {
		return next
	}
	m := w.Mask()
	old := Range{^prev.Max & m, ^prev.Min & m}
	if prev.empty() {
		old = prev
	}
	r := widenPos(w, old, Range{^next.Max & m, ^next.Min & m})
	return Range{^r.Max & m, ^r.Min & m}
}

// upperThreshold returns the least bound of a common type that is not below x.
func upperThreshold(x uint64) uint64 {
	switch {
	case x <= 1<<7-1:
		return 1<<7 - 1
	case x <= 1<<8-1:
		return 1<<8 - 1
	case x <= 1<<15-1:
		return 1<<15 - 1
	case x <= 1<<16-1:
		return 1<<16 - 1
	case x <= 1<<31-1:
		return 1<<31 - 1
	case x <= 1<<32-1:
		return 1<<32 - 1
	}
	return 1<<63 - 1
}

// lowerThreshold returns 1 or 0: what a lower bound of a counter or a size is.
func lowerThreshold(x uint64) uint64 { return min(x, 1) }
