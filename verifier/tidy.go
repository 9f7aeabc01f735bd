package verifier

import "github.com/bpfproof/bpfproof/ir"

// tidy makes a state at a cut point describe more where that costs nothing, so
// that later states are included in it: registers that no path reads before
// writing them become unreadable, links that only one place has are dropped,
// and in a coarse walk numbers that no path needs may be any.
//
// Sound: the state after describes all that the state before did. An unreadable
// register describes any content, top any number; a link is a condition that is
// taken away. A coarse walk may so refuse a program that a fine one accepts;
// therefore its refusal is not final, see over.verify.
func (t *stepper[E]) tidy(s *state[E], pc ir.PC, live *liveness) {
	for i := range s.frames {
		fr := &s.frames[i]
		at := pc
		if i+1 < len(s.frames) {
			at = s.frames[i+1].resume() // what is live when the callee returns
		}
		regs := live.regs[at]
		if i+1 < len(s.frames) && s.frames[i+1].back == nil {
			regs &^= 1 << ir.R0
		}
		for n := range fr.regs {
			r := &fr.regs[n]
			if regs>>n&1 == 0 {
				*r = reg[E]{}
			} else if t.coarse && r.kind == scalar && live.needRegs[at]>>n&1 == 0 && !live.escapes[fr.fn] {
				t.forgot = t.forgot || r.val != t.w.top || r.id != 0
				*r = number(t.w.top)
			}
		}
		if !live.escapes[fr.fn] {
			t.tidyStack(fr, live.stack[at], live.needStack[at])
		}
	}
	t.dropSingles(s)
}

// blur makes numbers in the slot any number; pointers stay.
func (s *slot[E]) blur() {
	if s.n > 0 && s.spill.kind == scalar {
		s.forget()
	}
	for k := range s.bytes {
		if s.bytes[k] == byteZero {
			s.bytes[k] = byteMisc
		}
	}
}

// tidyStack forgets the slots that no path reads, and the numbers in those of
// which none needs the value.
func (t *stepper[E]) tidyStack(fr *frame[E], slots, need uint64) {
	last := 0
	for i := range fr.stack {
		if slots>>i&1 == 0 {
			fr.stack[i] = slot[E]{}
			continue
		}
		last = i + 1
		if t.coarse && need>>i&1 == 0 {
			fr.stack[i].blur()
			t.forgot = true
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
