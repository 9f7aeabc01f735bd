package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// spAt returns the address off bytes above the entry stack pointer.
func (s *sim[V]) spAt(off int64) V {
	return s.w.Bin(sem.Add, ir.W64, s.entrySP(), s.w.Const(ir.W64, uint64(off)))
}

// framePointer returns what r10 is where it is kept.
func (s *sim[V]) framePointer() V {
	if s.fr.private {
		return s.w.Bin(sem.Add, ir.W64, s.processor(), s.w.Const(ir.W64, s.fr.fixed))
	}
	return s.spAt(s.fr.high)
}

// finish proves that a path of the machine from the cut at pc ends where the
// bytecode goes, related again.
func (s *sim[V]) finish(pc ir.PC, r regs[V], e end[V], inline int) {
	m := e.m
	at := site{s.fi, pc, m.off, m.seen}
	ways, err := s.ways(s.w.assume(m.path), pc, r, inline)
	if err != nil {
		s.out.fail(at, m.path, &pathError{Unknown, KindBytecode, err.Error()})
		return
	}
	if e.again {
		s.backAtHead(at, m, ways)
		return
	}
	var goes []way[V]
	for _, o := range ways {
		if o.exit == e.returned && o.tail == e.tail && (o.exit || o.tail || int(s.code.PCMap[o.pc]) == m.off) {
			goes = append(goes, o)
		} else { // if there is no other way, this says that the path is not taken at all
			s.never(at, m, o)
		}
	}
	for _, o := range goes {
		path := s.along(m.path, o.conds)
		s.events(at, e, o.events, path)
		s.polls(at, m, o.counts > 0, path)
		switch {
		case o.exit:
			s.exit(at, e, o.after, path)
		case o.tail:
			s.tail(at, e, o.after, path)
		default:
			s.related(at, m, o.pc, o.after, path)
		}
	}
}

// never proves that the bytecode does not take a way on a path of the machine.
func (s *sim[V]) never(at site, m *machine[V], o way[V]) {
	what := fmt.Sprintf("way to insn %d", o.pc)
	if o.exit {
		what = "exit"
	} else if o.tail {
		what = "tail call"
	}
	path, last := m.path, s.w.Const(ir.W1, 1)
	if n := len(o.conds); n > 0 {
		path, last = s.along(m.path, o.conds[:n-1]), o.conds[n-1]
	}
	s.out.prove(at, KindBranch, path, []goal[V]{{what, ir.W1, last, s.w.Const(ir.W1, 0)}})
}

// along returns the path with more conditions.
func (s *sim[V]) along(path, conds []V) []V {
	path = slices.Clip(path)
	for _, c := range conds {
		if !contains(s.w, path, c) {
			path = append(path, c)
		}
	}
	return path
}

func contains[V any](w words[V], xs []V, x V) bool {
	return slices.ContainsFunc(xs, func(y V) bool { return w.same(x, y) })
}

// related proves the relation at the cut pc.
func (s *sim[V]) related(at site, m *machine[V], pc ir.PC, r regs[V], path []V) {
	f := &s.fr
	var goals []goal[V]
	for _, i := range s.conv.regs {
		if !r.lost[i] && !s.img.says(pc, i, jit.HintDead) {
			goals = append(goals, goal[V]{i.String(), ir.W64, r.r[i], m.st.R[f.regs[i]]})
		}
	}
	kind := KindRegisters
	if at.pc == prologuePC {
		kind = KindPrologue
	}
	s.out.prove(at, kind, path, goals)

	goals = []goal[V]{
		{"rsp", ir.W64, s.spAt(-f.size), m.st.R[x86.RSP]},
		{"return address", ir.W64, s.w.fresh("entry.return", ir.W64), m.slot(0)},
	}
	if f.fp {
		goals = append(goals, goal[V]{"r10", ir.W64, s.framePointer(), m.st.R[f.regs[ir.FP]]})
	}
	if f.private {
		goals = append(goals, goal[V]{"rbp", ir.W64, s.spAt(-8), m.st.R[x86.RBP]})
	}
	if f.count != 0 {
		goals = append(goals, goal[V]{"count of may_goto", ir.W64, r.count, m.slot(f.count)})
	}
	for _, k := range f.saved {
		goals = append(goals, goal[V]{"saved " + k.reg.String(), ir.W64, s.entry(k.reg), m.slot(k.off)})
	}
	goals = append(goals, s.counterGoals(m, r)...)
	for _, k := range calleeSaved {
		if !f.saves(k) {
			goals = append(goals, goal[V]{k.String(), ir.W64, s.entry(k), m.st.R[k]})
		}
	}
	s.out.prove(at, KindFrame, path, goals)
	if goals = s.hinted(m, pc, r); len(goals) > 0 {
		s.out.prove(at, KindHint, path, goals)
	}
}

// hinted lists what the hints for pc say.
func (s *sim[V]) hinted(m *machine[V], pc ir.PC, r regs[V]) (goals []goal[V]) {
	for _, h := range s.img.hintsAt(pc) {
		holds := m.st.R[s.fr.regs[h.Reg]]
		if r.lost[h.Reg] { // whatever is left there, it is not the program's
			holds = s.w.fresh("lost."+h.Reg.String(), ir.W64)
		}
		switch h.Kind {
		case jit.HintMap:
			handle, _ := s.mapSymbol(jit.RelocMapHandle, h.Map, 0)
			goals = append(goals, goal[V]{fmt.Sprintf("%v is the handle of map %d", h.Reg, h.Map), ir.W64, handle, holds})
		case jit.HintUpper:
			low := s.w.Resize(s.w.Resize(holds, ir.W64, ir.W32, false), ir.W32, ir.W64, false)
			goals = append(goals, goal[V]{fmt.Sprintf("%v is its lower half", h.Reg), ir.W64, low, holds})
		}
	}
	return goals
}

// slot returns a word of the private frame.
func (m *machine[V]) slot(off int64) V {
	if x, ok := m.counterWord(off); ok {
		return x
	}
	x, ok := m.slots[off]
	if !ok {
		return m.a().fresh(fmt.Sprintf("slot%d.%d", off, m.calls), ir.W64)
	}
	return x
}

// exit proves that the machine returns to its caller with R0 and everything
// kept that must be.
func (s *sim[V]) exit(at site, e end[V], r regs[V], path []V) {
	m := e.m
	goals := []goal[V]{
		{"r0", ir.W64, r.r[ir.R0], m.st.R[x86.RAX]},
		{"return address", ir.W64, s.w.fresh("entry.return", ir.W64), e.ret},
		{"rsp", ir.W64, s.w.Bin(sem.Add, ir.W64, s.entrySP(), s.w.Const(ir.W64, 8)), m.st.R[x86.RSP]},
	}
	for _, k := range calleeSaved {
		goals = append(goals, goal[V]{k.String(), ir.W64, s.entry(k), m.st.R[k]})
	}
	s.out.prove(at, KindExit, path, goals)
}

// tail proves that the machine jumps to where the runtime said, with the
// context in r1 and all else as at its own entry.
func (s *sim[V]) tail(at site, e end[V], r regs[V], path []V) {
	if s.img.kernel != nil {
		s.tailKernel(at, e, r, path)
		return
	}
	m := e.m
	goals := []goal[V]{
		{"target of the tail call", ir.W64, r.r[ir.R0], e.ret},
		{"r1", ir.W64, r.r[ir.R1], m.st.R[argRegs[0]]},
		{"return address", ir.W64, s.w.fresh("entry.return", ir.W64), m.slot(0)},
		{"rsp", ir.W64, s.entrySP(), m.st.R[x86.RSP]},
	}
	for _, k := range calleeSaved {
		goals = append(goals, goal[V]{k.String(), ir.W64, s.entry(k), m.st.R[k]})
	}
	s.out.prove(at, KindExit, path, goals)
}

// polls proves that a jump that can lead backward, whichever way it goes, takes
// 1 from the budget where it is not used up, and calls the poll exit exactly
// where it is, and that other instructions leave the budget alone.
func (s *sim[V]) polls(at site, m *machine[V], backward bool, path []V) {
	if !s.conv.env {
		return
	}
	left := m.st.R[budgetReg]
	if !backward {
		if m.polled {
			s.out.fail(at, path, &pathError{Refuted, KindPoll, "the poll exit is called without a backward jump"})
		} else if !s.w.same(left, m.budget) {
			s.out.prove(at, KindPoll, path, []goal[V]{{"budget", ir.W64, m.budget, left}})
		}
		return
	}
	want := s.w.Bin(sem.Sub, ir.W64, m.budget, s.w.Const(ir.W64, 1))
	polled := s.w.Const(ir.W1, 0)
	if m.polled {
		want, polled = m.refill, s.w.Const(ir.W1, 1)
	}
	out := s.w.Cmp(sem.EQ, ir.W64, m.budget, s.w.Const(ir.W64, 0))
	s.out.prove(at, KindPoll, path, []goal[V]{{"poll exit is called", ir.W1, out, polled}, {"budget", ir.W64, want, left}})
}

// events proves that the machine did on its path what the bytecode did.
func (s *sim[V]) events(at site, e end[V], want []event[V], path []V) {
	got := e.m.events
	var goals []goal[V]
	if e.m.loop != nil && len(want) == 1 && want[0].kind == evUpdate {
		got = nil
		for _, x := range e.m.events { // a glance at the word before the update is no effect
			if x.kind == evLoad && x.w == want[0].w {
				goals = append(goals, goal[V]{"address", ir.W64, want[0].addr, x.addr})
			} else {
				got = append(got, x)
			}
		}
	}
	if len(got) != len(want) {
		s.out.fail(at, path, &pathError{Refuted, KindMemory, fmt.Sprintf("%d memory accesses and calls instead of %d", len(got), len(want))})
		return
	}
	for i, x := range want {
		y := got[i]
		if x.kind != y.kind || x.w != y.w || x.fn != y.fn {
			s.out.fail(at, path, &pathError{Refuted, KindMemory, fmt.Sprintf("%v of %d bits instead of %v of %d bits", y.kind, y.w, x.kind, x.w)})
			return
		}
		goals = append(goals, compare(x, y, s.conv.id)...)
	}
	if len(goals) == 0 {
		return
	}
	kind := KindMemory
	if want[0].kind >= evHelper {
		kind = KindCall
	}
	s.out.prove(at, kind, path, goals)
}

// compare lists what must be equal in two events of one kind.
func compare[V any](x, y event[V], idWidth ir.Width) []goal[V] {
	switch x.kind {
	case evLoad:
		return []goal[V]{{"address", ir.W64, x.addr, y.addr}}
	case evStore, evUpdate:
		return []goal[V]{{"address", ir.W64, x.addr, y.addr}, {"value", x.w, x.val, y.val}}
	}
	var goals []goal[V]
	if x.kind == evHelper {
		goals = append(goals, goal[V]{"helper", idWidth, x.id, y.id})
	}
	for i := range x.nargs {
		goals = append(goals, goal[V]{fmt.Sprintf("argument r%d", i+1), ir.W64, x.args[i], y.args[i]})
	}
	return goals
}
