package recheck

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

type (
	reg[E comparable]  = invariant.Reg[E]
	slot[E comparable] = invariant.Slot[E]
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

// frame and state are invariant's, to be written over.
type frame[E comparable] struct {
	site  ir.PC
	regs  [ir.NumRegs]reg[E]
	stack []slot[E]
}

type state[E comparable] struct {
	frames []frame[E]
	refs   []uint32
	lock   invariant.Lock
	last   uint32 // the greatest id in use
}

// String returns the state as package invariant prints it.
func (s *state[E]) String() string {
	var out invariant.State[E]
	for i := range s.frames {
		f := &invariant.Frame[E]{Site: s.frames[i].site}
		for n := range s.frames[i].regs {
			f.Regs[n] = &s.frames[i].regs[n]
		}
		for n := range s.frames[i].stack {
			f.Stack = append(f.Stack, &s.frames[i].stack[n])
		}
		out.Frames = append(out.Frames, f)
	}
	out.Refs, out.Lock = s.refs, s.lock
	return fmt.Sprint(out)
}

func (c *checker[E]) take() *state[E] {
	if n := len(c.pool); n > 0 {
		s := c.pool[n-1]
		c.pool = c.pool[:n-1]
		s.frames, s.refs, s.lock, s.last = s.frames[:0], s.refs[:0], invariant.Lock{}, 0
		return s
	}
	return &state[E]{frames: make([]frame[E], 0, 1)}
}

func (c *checker[E]) give(s *state[E]) {
	if s != nil {
		c.pool = append(c.pool, s)
	}
}

// copy returns a state equal to s.
func (c *checker[E]) copy(s *state[E]) *state[E] {
	t := c.take()
	for i := range s.frames {
		f := t.push(s.frames[i].site)
		f.regs = s.frames[i].regs
		f.stack = append(f.stack, s.frames[i].stack...)
	}
	t.refs, t.lock, t.last = append(t.refs, s.refs...), s.lock, s.last
	return t
}

// read makes s the record's state.
func (s *state[E]) read(from *invariant.State[E]) {
	s.refs, s.lock = append(s.refs, from.Refs...), from.Lock
	s.last = s.lock.ID
	for _, f := range from.Frames {
		to := s.push(f.Site)
		for n, r := range f.Regs {
			to.regs[n] = *r
		}
		for _, sl := range f.Stack {
			to.stack = append(to.stack, *sl)
		}
	}
	for _, r := range s.refs {
		s.last = max(s.last, r)
	}
	s.each(func(r *reg[E]) { s.last = max(s.last, r.ID, r.Ref) })
}

func (s *state[E]) push(site ir.PC) *frame[E] {
	n := len(s.frames)
	if n < cap(s.frames) {
		s.frames = s.frames[:n+1]
	} else {
		s.frames = append(s.frames, frame[E]{})
	}
	f := &s.frames[n]
	f.site, f.regs, f.stack = site, [ir.NumRegs]reg[E]{}, f.stack[:0]
	return f
}

// pop removes the innermost frame. What pointed into it is any number.
func (s *state[E]) pop(top E) {
	gone := uint8(len(s.frames) - 1)
	s.frames = s.frames[:gone]
	s.each(func(r *reg[E]) {
		if r.Kind == invariant.Stack && r.Frame == gone {
			*r = number(top)
		}
	})
}

func (s *state[E]) top() *frame[E] { return &s.frames[len(s.frames)-1] }

// fresh returns an id that is not in use.
func (s *state[E]) fresh() uint32 {
	s.last++
	return s.last
}

// each calls f for every register and spill.
func (s *state[E]) each(f func(*reg[E])) {
	for i := range s.frames {
		fr := &s.frames[i]
		for n := range fr.regs {
			f(&fr.regs[n])
		}
		for n := range fr.stack {
			if fr.stack[n].N > 0 {
				f(&fr.stack[n].Spill)
			}
		}
	}
}

func (s *state[E]) holds(ref uint32) bool { return slices.Contains(s.refs, ref) }

// drop forgets that the reference is held.
func (s *state[E]) drop(ref uint32) {
	if i := slices.Index(s.refs, ref); i >= 0 {
		s.refs = slices.Delete(s.refs, i, i+1)
	}
}

// alive reports that what the pointer points to exists.
func (s *state[E]) alive(r *reg[E]) bool { return r.Ref == 0 || s.holds(r.Ref) }

// linked gives a number that is not known an id, so that its copy shares it.
func (s *state[E]) linked(w *words[E], r *reg[E]) {
	if _, known := w.known(r.Val); r.Kind == invariant.Scalar && r.ID == 0 && !known {
		r.ID, r.Off = s.fresh(), 0
	}
}
