package verifier

import "github.com/bpfproof/bpfproof/ir"

// tidy makes a state at a cut point describe more where that costs nothing, so
// that later states are included in it: registers that no path reads before
// writing them become unreadable, and links that only one place has are
// dropped.
//
// Sound: the state after describes all that the state before did. An unreadable
// register describes any content; a link is a condition that is taken away.
func (t *stepper[E]) tidy(s *state[E], pc ir.PC, live *liveness) {
	for i := range s.frames {
		fr := &s.frames[i]
		at := pc
		if i+1 < len(s.frames) {
			at = s.frames[i+1].site + 1 // what is live when the callee returns
		}
		regs := live.regs[at]
		if i+1 < len(s.frames) {
			regs &^= 1 << ir.R0
		}
		for n := range fr.regs {
			if regs>>n&1 == 0 {
				fr.regs[n] = reg[E]{}
			}
		}
		if !live.escapes[fr.fn] {
			t.tidyStack(fr, live.stack[at])
		}
	}
	t.dropSingles(s)
}

// tidyStack forgets the slots that no path reads.
func (t *stepper[E]) tidyStack(fr *frame[E], slots uint64) {
	last := 0
	for i := range fr.stack {
		if slots>>i&1 == 0 {
			fr.stack[i] = slot[E]{}
		} else {
			last = i + 1
		}
	}
	fr.stack = fr.stack[:last]
}

// dropSingles removes the ids of scalars that occur once.
func (t *stepper[E]) dropSingles(s *state[E]) {
	t.seen, t.again = t.seen[:0], t.again[:0]
	s.each(func(r *reg[E]) {
		if r.kind == scalar && r.id != 0 {
			if _, ok := t.w.constant(r.val); ok {
				r.id, r.off = 0, 0
				return
			}
			if contains(t.seen, r.id) {
				t.again = append(t.again, r.id)
			} else {
				t.seen = append(t.seen, r.id)
			}
		}
	})
	if len(t.seen) == 0 {
		return
	}
	s.each(func(r *reg[E]) {
		if r.kind == scalar && r.id != 0 && !contains(t.again, r.id) {
			r.id, r.off = 0, 0
		}
	})
	for i := range s.frames {
		for j := range s.frames[i].stack {
			t.dropTop(&s.frames[i].stack[j])
		}
	}
}

// dropTop turns a spill that says nothing into bytes that hold any number.
func (t *stepper[E]) dropTop(sl *slot[E]) {
	if sl.n > 0 && sl.spill.kind == scalar && sl.spill.id == 0 && sl.spill.val == t.w.anyOf(ir.Width(8*sl.n)) {
		sl.forget()
	}
}

func contains(ids []uint32, id uint32) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}
