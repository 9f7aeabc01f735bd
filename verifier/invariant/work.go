package invariant

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Work is a state to be written over. Its zero value has no frames.
type Work[E comparable] struct {
	Frames []RawFrame[E]
	Refs   []uint32
	Lock   Lock
	last   uint32 // the greatest id in use
}

// Clear takes all frames and references away and keeps their memory.
func (s *Work[E]) Clear() { s.Frames, s.Refs, s.Lock, s.last = s.Frames[:0], s.Refs[:0], Lock{}, 0 }

// Read makes s, which is empty, say what the state says.
func (s *Work[E]) Read(from *State[E]) {
	s.Refs, s.Lock = append(s.Refs, from.Refs...), from.Lock
	for _, f := range from.Frames {
		to := s.Push(f.Site)
		to.Calls = f.Calls
		for n, r := range f.Regs {
			to.Regs[n] = *r
		}
		for _, sl := range f.Stack {
			to.Stack = append(to.Stack, *sl)
		}
	}
	s.last = s.Lock.ID
	for _, r := range s.Refs {
		s.last = max(s.last, r)
	}
	s.Each(func(r *Reg[E]) { s.last = max(s.last, r.ID, r.Ref) })
}

// Copy makes s, which is empty, equal to t.
func (s *Work[E]) Copy(t *Work[E]) {
	for i := range t.Frames {
		f := s.Push(t.Frames[i].Site)
		f.Calls, f.Regs, f.Stack = t.Frames[i].Calls, t.Frames[i].Regs, append(f.Stack, t.Frames[i].Stack...)
	}
	s.Refs, s.Lock, s.last = append(s.Refs, t.Refs...), t.Lock, t.last
}

// Push adds a frame that claims nothing and returns it.
func (s *Work[E]) Push(site ir.PC) *RawFrame[E] {
	n := len(s.Frames)
	s.Frames = slices.Grow(s.Frames, 1)[:n+1]
	f := &s.Frames[n]
	f.Site, f.Calls, f.Regs, f.Stack = site, 0, [ir.NumRegs]Reg[E]{}, f.Stack[:0]
	return f
}

// Pop removes the innermost frame. What pointed into it is any number, a member
// of top.
func (s *Work[E]) Pop(top E) {
	gone := uint8(len(s.Frames) - 1)
	s.Frames = s.Frames[:gone]
	s.Each(func(r *Reg[E]) {
		if r.Kind == Stack && r.Frame == gone {
			*r = Reg[E]{Kind: Scalar, Val: top}
		}
	})
}

// Top returns the innermost frame.
func (s *Work[E]) Top() *RawFrame[E] { return &s.Frames[len(s.Frames)-1] }

// Slot returns slot i of the frame's stack for writing.
func (f *RawFrame[E]) Slot(i int) *Slot[E] {
	for len(f.Stack) <= i {
		f.Stack = append(f.Stack, Slot[E]{})
	}
	return &f.Stack[i]
}

// Fresh returns an id that is not in use.
func (s *Work[E]) Fresh() uint32 {
	s.last++
	return s.last
}

// Each calls f for every register and spill.
func (s *Work[E]) Each(f func(*Reg[E])) {
	for i := range s.Frames {
		fr := &s.Frames[i]
		for n := range fr.Regs {
			f(&fr.Regs[n])
		}
		for n := range fr.Stack {
			if fr.Stack[n].N > 0 {
				f(&fr.Stack[n].Spill)
			}
		}
	}
}

// Holds reports whether the reference is held.
func (s *Work[E]) Holds(ref uint32) bool { return slices.Contains(s.Refs, ref) }

// Drop forgets that the reference is held.
func (s *Work[E]) Drop(ref uint32) {
	s.Refs = slices.DeleteFunc(s.Refs, func(r uint32) bool { return r == ref })
}

// String returns the state on one line.
func (s *Work[E]) String() string {
	out := State[E]{Refs: s.Refs, Lock: s.Lock}
	for i := range s.Frames {
		f := &Frame[E]{Site: s.Frames[i].Site, Calls: s.Frames[i].Calls}
		for n := range s.Frames[i].Regs {
			f.Regs[n] = &s.Frames[i].Regs[n]
		}
		for n := range s.Frames[i].Stack {
			f.Stack = append(f.Stack, &s.Frames[i].Stack[n])
		}
		out.Frames = append(out.Frames, f)
	}
	return out.String()
}
