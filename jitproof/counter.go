package jitproof

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// tailLimit is how many tail calls a run may make (MAX_TAIL_CALL_CNT).
const tailLimit = 33

// counter is where Linux keeps the count of tail calls of a run (since 6.12): in
// the frame of the main program that a run began with, or that was last tail
// called from one. Every function that leads to a tail call has a word with the
// count's address, and above it another: that is the count itself in a function
// that owns it, and the address again in all others. A function is entered with
// the count in rax if it is to own it, otherwise with its address, which is
// greater than any count.
type counter struct {
	count, addr int64 // of the two words
	main        bool  // may own the count
}

// tailState is what the bytecode's side knows of the count.
type tailState[V any] struct {
	addr  V // of the count
	own   V // one bit: the function's frame holds it
	count V
}

// tailSymbols is any state of the count.
func (s *sim[V]) tailSymbols() tailState[V] {
	t := tailState[V]{addr: s.w.fresh("tail.addr", ir.W64), count: s.w.fresh("tail.count", ir.W64), own: s.w.Const(ir.W1, 0)}
	if c := s.fr.counter; c != nil && c.main {
		t.own = s.w.fresh("tail.own", ir.W1)
	}
	return t
}

// countAfterCall is the count that a call leaves: whatever the callee's tail
// calls made of it. A cut follows on every call.
func (s *sim[V]) countAfterCall() V { return s.w.fresh("tail.count.after", ir.W64) }

// tailEntered is the state of the count in a function that is entered with rax.
func (s *sim[V]) tailEntered(rax V) tailState[V] {
	t := tailState[V]{addr: rax, count: rax, own: s.w.Const(ir.W1, 0)}
	if c := s.fr.counter; c != nil && c.main {
		t.own = s.w.Cmp(sem.ULE, ir.W64, rax, s.w.Const(ir.W64, tailLimit))
		t.addr = s.w.Ite(t.own, s.spAt(c.count), rax)
	}
	return t
}

// handed is what rax holds where the count is handed on to a tail callee.
func (t tailState[V]) handed(a words[V]) V { return a.Ite(t.own, t.count, t.addr) }

// counts reports whether addr is that of the count.
func (m *machine[V]) counts(addr V) bool {
	return m.counting && m.a().same(addr, m.s.tailSymbols().addr)
}

func counterAccess(w ir.Width) error {
	if w != ir.W64 {
		return unclear(KindFrame, "access of %d bits to the count of tail calls", w)
	}
	return nil
}

// counterWord returns what the function's words for the count hold.
func (m *machine[V]) counterWord(off int64) (x V, ok bool) {
	c := m.s.fr.counter
	if !m.counting || c == nil || off != c.addr && off != c.count {
		return x, false
	}
	t := m.s.tailSymbols()
	if off == c.addr {
		return t.addr, true
	}
	t.count = m.cell
	return t.handed(m.a()), true
}

// counterGoals is what must hold of the count at a cut.
func (s *sim[V]) counterGoals(m *machine[V], r regs[V]) []goal[V] {
	c := s.fr.counter
	if c == nil {
		return nil
	}
	goals := []goal[V]{
		{"address of the tail-call count", ir.W64, r.tail.addr, m.slot(c.addr)},
		{"word of the tail-call count", ir.W64, r.tail.handed(s.w), m.slot(c.count)},
	}
	if m.counting {
		goals = append(goals, goal[V]{"tail-call count", ir.W64, r.tail.count, m.cell})
	}
	return goals
}
