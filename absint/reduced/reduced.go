// Package reduced is the reduced product of tristate numbers and ranges, the
// domain "tnum+interval".
//
// It knows the two domains and nothing else: the product itself is
// absint.Product.
//
// # Invariants
//
// The reduction loses no word that both parts stand for. It recognises when
// there is none: words 1, 3, 9 and 11 (a tnum) and the range from 4 to 8 share
// nothing. After it, unless it gave up after a fixed number of rounds, the
// bounds of all ranges are words of the tnum, and bits that all words in a
// range share are known in the tnum.
//
//	d := reduced.New()
//	x := d.Bin(sem.And, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 6)) // (0x0; 0x6) [0x0,0x6]
package reduced

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
)

// T is an element: A is the tnum, B the ranges.
type T = absint.Pair[tnum.T, interval.T]

// Domain is the reduced product of tnum and interval.
type Domain struct{ product }

type product = absint.ProductDomain[tnum.T, interval.T]

// New returns the domain.
func New() *Domain {
	return &Domain{*absint.Product[tnum.T, interval.T](tnum.Domain{}, interval.Domain{}, Reduce)}
}

// ALU returns the result of an eBPF operation (sem.ALU), as the product does,
// but without its detours: most values are small (see interval.Short), and
// then the parts mostly agree at once.
func (d *Domain) ALU(op ir.ALUOp, w ir.Width, x, y T) (z T) {
	if op == ir.Add {
		d.add(w, &x, &y, &z)
		return z
	}
	if p, ok := x.B.Small(w); ok {
		if q, ok := y.B.Small(w); ok {
			if r, ok := interval.Short(op, w, p, q); ok {
				z.A = tnum.Domain{}.ALU(op, w, x.A, y.A)
				if !agreeSmall(z.A, r) {
					return d.reduce(w, z.A, interval.Small(r))
				}
				z.B.SetSmall(r)
				return z
			}
		}
	}
	z.A = tnum.Domain{}.ALU(op, w, x.A, y.A)
	z.B.SetALU(op, w, &x.B, &y.B)
	if !agree(w, z.A, &z.B) {
		return d.reduce(w, z.A, z.B)
	}
	return z
}

// add sets z to ALU for additions, the most frequent operation.
func (d *Domain) add(w ir.Width, x, y, z *T) {
	if x.A == tnum.Top(w) && x.B.IsTop(w) && !y.A.IsBottom() {
		*z = *x // whatever y is
		return
	}
	z.A = tnum.Add(w, x.A, y.A)
	z.B.SetAdd(w, &x.B, &y.B)
	if !agree(w, z.A, &z.B) {
		*z = d.reduce(w, z.A, z.B)
	}
}

// Bounds returns what both parts' bounds enclose, as the product does.
func (d *Domain) Bounds(w ir.Width, e T) absint.Bounds {
	if r, ok := e.B.Small(w); ok && agreeSmall(e.A, r) {
		return absint.Bounds{UMin: r.Min, UMax: r.Max, SMin: int64(r.Min), SMax: int64(r.Max)}
	}
	return e.A.Bounds(w).Meet(e.B.Bounds(w))
}

// reduce is Reduce for what may be Bottom already.
func (d *Domain) reduce(w ir.Width, t tnum.T, r interval.T) T {
	if t.IsBottom() || r.Full.Pos.Empty() && r.Full.Neg.Empty() {
		return d.Bottom()
	}
	t, r = Reduce(w, t, r)
	return T{A: t, B: r}
}

// rounds bounds how often the parts tell each other what they have learnt.
// Stopping early costs precision only.
const rounds = 4

// Reduce lets a tnum and ranges of w-bit words, neither Bottom, learn from each
// other: Bottom, if nothing is left.
//
// Sound: each step keeps all words that both stand for, see tighten and learn.
func Reduce(w ir.Width, t tnum.T, r interval.T) (tnum.T, interval.T) {
	for range rounds {
		if agree(w, t, &r) {
			return t, r
		}
		tighten(w, t, &r)
		if r.IsBottom() {
			return tnum.Bottom(), r
		}
		t = learn(w, t, &r)
		if t.IsBottom() {
			return t, interval.Bottom()
		}
	}
	return t, r
}

// agree reports that neither part can tell the other anything: all bounds are
// words of t, and t knows all bits that the words in the ranges share. It is
// false if there is no word.
func agree(w ir.Width, t tnum.T, r *interval.T) bool {
	if x, ok := r.Small(w); ok {
		return agreeSmall(t, x)
	}
	m := interval.Half(w).Mask()
	return !t.IsBottom() && agreeHalves(t, &r.Full) && agreeHalves(tnum.T{Value: t.Value & m, Mask: t.Mask & m}, &r.Low)
}

// agreeHalves is agree for the words of one width; false if there is none.
func agreeHalves(t tnum.T, a *interval.Halves) bool {
	if a.Neg.Empty() {
		return !a.Pos.Empty() && agreeSmall(t, a.Pos)
	}
	if a.Pos.Empty() {
		return agreeSmall(t, a.Neg)
	}
	open := below(a.Pos.Min^a.Pos.Max) | below(a.Neg.Min^a.Neg.Max) | (a.Pos.Min ^ a.Neg.Min)
	return bounded(t, a.Pos) && bounded(t, a.Neg) && t.Mask&^open == 0
}

// agreeSmall is agree for words that one range, not empty, tells all of.
func agreeSmall(t tnum.T, r interval.Range) bool {
	return (((r.Min^t.Value)|(r.Max^t.Value))&^t.Mask)|(t.Mask&^below(r.Min^r.Max)) == 0
}

// below returns the word with all bits set up to the highest set bit of x.
func below(x uint64) uint64 { return ^uint64(0) >> bits.LeadingZeros64(x) }

// bounded reports whether both bounds of r are words of t.
func bounded(t tnum.T, r interval.Range) bool {
	return ((r.Min^t.Value)|(r.Max^t.Value))&^t.Mask == 0
}

// tighten moves each bound to the nearest word of t within its range.
//
// Sound: no word of t lies between the old bound and the new one. Low halves
// of words of t are words of the low half of t.
func tighten(w ir.Width, t tnum.T, r *interval.T) {
	m := interval.Half(w).Mask()
	low := tnum.T{Value: t.Value & m, Mask: t.Mask & m}
	*r = interval.Settle(w, interval.T{
		Full: interval.Halves{Pos: cut(t, r.Full.Pos), Neg: cut(t, r.Full.Neg)},
		Low:  interval.Halves{Pos: cut(low, r.Low.Pos), Neg: cut(low, r.Low.Neg)},
	})
}

// cut returns r from its least to its greatest word that t has too.
func cut(t tnum.T, r interval.Range) interval.Range {
	if r.Empty() {
		return r
	}
	least, ok := t.AtLeast(r.Min)
	greatest, ok2 := t.AtMost(r.Max)
	if !ok || !ok2 {
		return interval.Range{Min: 1, Max: 0}
	}
	return interval.Range{Min: least, Max: greatest}
}

// learn adds to t the bits that all words in the ranges share.
//
// Sound: a word lies in one of the full ranges, its low half in one of the low
// ones; see tnum.Range and tnum.Join.
func learn(w ir.Width, t tnum.T, r *interval.T) tnum.T {
	low := enclose(&r.Low)
	low.Mask |= w.Mask() &^ interval.Half(w).Mask()
	return tnum.Meet(tnum.Meet(t, enclose(&r.Full)), low)
}

// enclose returns the best tnum of the words in a, not empty.
func enclose(a *interval.Halves) tnum.T {
	if a.Pos.Empty() {
		return tnum.Range(a.Neg.Min, a.Neg.Max)
	}
	if a.Neg.Empty() {
		return tnum.Range(a.Pos.Min, a.Pos.Max)
	}
	return tnum.Join(tnum.Range(a.Pos.Min, a.Pos.Max), tnum.Range(a.Neg.Min, a.Neg.Max))
}
