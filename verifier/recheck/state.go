package recheck

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

type (
	reg[E comparable]   = invariant.Reg[E]
	slot[E comparable]  = invariant.Slot[E]
	frame[E comparable] = invariant.RawFrame[E]
	state[E comparable] = invariant.Work[E]
)

// words are the questions about abstract words, of 64 bits unless said
// otherwise.
type words[E comparable] struct {
	d              Domain[E]
	top, zero, bot E
}

func newWords[E comparable](d Domain[E]) words[E] {
	return words[E]{d: d, top: d.Top(ir.W64), zero: d.Const(ir.W64, 0), bot: d.Bottom()}
}

func (w *words[E]) bounds(e E) absint.Bounds { return w.d.Bounds(ir.W64, e) }

func (w *words[E]) num(x int64) E { return w.d.Const(ir.W64, uint64(x)) }

// known returns the only member of e, read signed.
func (w *words[E]) known(e E) (int64, bool) {
	b := w.bounds(e)
	return b.SMin, b.UMin == b.UMax
}

func (w *words[E]) fits(e E, bits ir.Width) bool { return w.bounds(e).UMax <= bits.Mask() }

// low returns the low bits of e, zero-extended.
func (w *words[E]) low(e E, bits ir.Width) E {
	if w.fits(e, bits) {
		return e
	}
	return absint.LowALU[E](w.d, ir.Mov, ir.W64, bits, e, e)
}

// cut returns the low bits of e as an element of that width.
func (w *words[E]) cut(e E, bits ir.Width) E {
	if bits == ir.W64 {
		return e
	}
	return w.d.Resize(e, ir.W64, bits, false)
}

// any returns an unlinked number of that many bits.
func (w *words[E]) any(bits ir.Width) reg[E] {
	if bits == ir.W64 {
		return number(w.top)
	}
	return number(w.d.Resize(w.d.Top(bits), bits, ir.W64, false))
}

func (w *words[E]) add(e E, n int64) E {
	if n == 0 {
		return e
	}
	return absint.ALU[E](w.d, ir.Add, ir.W64, e, w.num(n))
}

func number[E comparable](e E) reg[E] { return reg[E]{Kind: invariant.Scalar, Val: e} }

// maxVar bounds what is taken for an offset: sums of a few of them do not
// overflow (BPF_MAX_VAR_OFF).
const maxVar = 1 << 29

// span returns the least and greatest distance of a pointer from its object's
// address; ok is false where it may be anywhere.
func (w *words[E]) span(r *reg[E]) (lo, hi int64, ok bool) {
	b := w.bounds(r.Val)
	return int64(r.Off) + b.SMin, int64(r.Off) + b.SMax, b.SMin > -maxVar && b.SMax < maxVar
}

// exact returns the pointer's distance from its object's address if only one is
// possible.
func (w *words[E]) exact(r *reg[E]) (int64, bool) {
	lo, hi, ok := w.span(r)
	return lo, ok && lo == hi
}

func (c *checker[E]) take() *state[E] {
	if n := len(c.pool); n > 0 {
		s := c.pool[n-1]
		c.pool = c.pool[:n-1]
		s.Clear()
		return s
	}
	return &state[E]{}
}

func (c *checker[E]) give(s *state[E]) {
	if s != nil {
		c.pool = append(c.pool, s)
	}
}

func (c *checker[E]) copy(s *state[E]) *state[E] {
	t := c.take()
	t.Copy(s)
	return t
}

// alive reports that what the pointer points to exists.
func alive[E comparable](s *state[E], r *reg[E]) bool { return r.Ref == 0 || s.Holds(r.Ref) }

// linked gives a number that is not known an id, so that its copy shares it.
func (c *checker[E]) linked(s *state[E], r *reg[E]) {
	if _, known := c.known(r.Val); r.Kind == invariant.Scalar && r.ID == 0 && !known {
		r.ID, r.Off = s.Fresh(), 0
	}
}
