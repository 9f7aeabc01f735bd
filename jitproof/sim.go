package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// Bounds of the exploration of one instruction's code.
const (
	maxSteps = 1024 // machine instructions on one path
	maxPaths = 256
)

// goal is an equality of two words of w bits that the proof needs.
type goal[V any] struct {
	what string
	w    ir.Width
	x, y V // x is the bytecode's side
}

// checker decides goals: a prover for terms, a comparison for states.
type checker[V any] interface {
	// prove asks that on the path all goals hold.
	prove(at site, kind Kind, path []V, goals []goal[V])
	// fail reports that the path, if it is feasible, does what err says.
	fail(at site, path []V, err *pathError)
}

// site is where an obligation comes from.
type site struct {
	fn   int
	pc   ir.PC // jit.NoCode for a prologue
	off  int   // where the machine path ended
	seen []int // offsets the path executed
}

// sim is the simulation of one function's code over an algebra.
type sim[V any] struct {
	w    words[V]
	p    *ir.Program
	code *jit.Code
	img  *image
	out  checker[V]
	conv convention
	fi   int
	fn   jit.Func
	fr   frame
	// across says that the bytecode between cuts may go on behind calls: what they
	// return and lose is then named by their number.
	across bool
}

// start is how a path begins; end is how it ends.
type end[V any] struct {
	m        *machine[V]
	returned bool
	tail     bool // by a jump to the address ret
	ret      V    // where it returned or jumped to
	again    bool // back at the head of a loop inside the instruction
}

// function simulates one function: prologue, and from every cut to the next.
func (s *sim[V]) function(fi int) {
	s.enter(fi)
	s.prologue()
	for pc := s.fn.PC; pc < s.img.end(fi); pc++ {
		if s.code.Cut(pc) {
			s.segment(pc)
		}
	}
}

func (s *sim[V]) enter(fi int) { s.fi, s.fn, s.fr = fi, s.code.Funcs[fi], s.img.frames[fi] }

// at simulates the one place that is named.
func (s *sim[V]) at(fi int, pc ir.PC) {
	s.enter(fi)
	if pc == prologuePC {
		s.prologue()
		return
	}
	s.segment(pc)
}

// prologuePC stands for a function's prologue in a site.
const prologuePC ir.PC = -1

// prologue starts from any state at the function's entry and proves the
// relation at its first instruction.
func (s *sim[V]) prologue() {
	m, r := s.entered()
	s.leads(m, r)
	if k := s.img.kernel; k != nil && s.fi == 0 {
		m, r := s.tailEntry(k)
		s.leads(m, r)
	}
}

// entered is any state in which the function is called.
func (s *sim[V]) entered() (*machine[V], regs[V]) {
	m := s.machine(prologuePC, int(s.fn.Entry))
	for r := range x86.Reg(x86.NumRegs) {
		m.st.R[r] = s.entry(r)
	}
	r := regs[V]{count: s.w.Const(ir.W64, abi.MayGotoLimit), tail: s.tailCalled(m)}
	for i, a := range argRegs {
		r.r[int(ir.R1)+i] = m.st.R[a]
	}
	for _, i := range s.conv.regs {
		r.lost[i] = i < ir.R1 || i > ir.R5
	}
	return m, r
}

// machine returns a machine at off whose registers are to be set, with the
// return address in its place.
func (s *sim[V]) machine(pc ir.PC, off int) *machine[V] {
	m := &machine[V]{s: s, pc: pc, off: off, slots: map[int64]V{}, cell: s.tailSymbols().count}
	m.st.GS = s.w.fresh("gs", ir.W64)
	m.slots[0] = s.w.fresh("entry.return", ir.W64)
	m.budget = s.w.fresh("budget", ir.W64)
	return m
}

// leads proves that the prologue leads from a state to the first instruction,
// where the relation holds.
func (s *sim[V]) leads(m *machine[V], r regs[V]) {
	if s.conv.env {
		m.st.R[budgetReg] = m.budget
	}
	first := int(s.code.PCMap[s.fn.PC])
	for _, e := range s.run(m, prologuePC, m.off == first) {
		at := site{s.fi, prologuePC, e.m.off, e.m.seen}
		if e.returned || e.tail || e.m.off != first || e.again {
			s.out.fail(at, e.m.path, &pathError{Refuted, KindPrologue, "the prologue does not lead to the first instruction"})
			continue
		}
		s.events(at, e, nil, e.m.path)
		s.related(at, e.m, s.fn.PC, r, e.m.path)
		s.polls(at, e.m, false, e.m.path)
	}
}

// cut returns any pair of related states at pc.
func (s *sim[V]) cut(pc ir.PC) (*machine[V], regs[V]) {
	m := s.machine(pc, int(s.code.PCMap[pc]))
	m.counting = s.fr.counter != nil
	for i := range x86.Reg(x86.NumRegs) {
		m.st.R[i] = s.w.fresh("any."+i.String(), ir.W64)
	}
	f := &s.fr
	kept := map[x86.Reg]bool{}
	for _, k := range calleeSaved {
		if !f.saves(k) {
			m.st.R[k], kept[k] = s.entry(k), true
		}
	}
	for _, k := range f.saved {
		m.slots[k.off] = s.entry(k.reg)
	}
	if s.conv.env {
		m.st.R[budgetReg] = m.budget
	}
	m.st.R[x86.RSP] = s.spAt(-f.size)
	r := regs[V]{count: s.w.fresh("count", ir.W64), tail: s.tailSymbols()}
	if f.count != 0 {
		m.slots[f.count] = r.count
	}
	for _, i := range s.conv.regs {
		home := f.regs[i]
		dead := s.img.says(pc, i, jit.HintDead)
		if !kept[home] && !dead {
			m.st.R[home] = s.hintedValue(pc, i)
		}
		if r.r[i] = m.st.R[home]; dead {
			r.r[i] = s.w.fresh("dead."+i.String(), ir.W64)
		}
	}
	r.r[ir.FP] = s.w.fresh("r10", ir.W64) // what nothing on the machine is
	if f.fp {
		r.r[ir.FP] = s.framePointer()
		m.st.R[f.regs[ir.FP]] = r.r[ir.FP]
	}
	if f.private {
		m.st.R[x86.RBP] = s.spAt(-8)
	}
	return m, r
}

// hintedValue is any value of register i at pc that hints allow.
func (s *sim[V]) hintedValue(pc ir.PC, i ir.Reg) V {
	x := s.w.fresh(i.String(), ir.W64)
	if h, ok := s.img.hint(pc, i); ok {
		x, _ = s.mapSymbol(jit.RelocMapHandle, h, 0)
	} else if s.img.says(pc, i, jit.HintUpper) {
		x = s.w.Resize(s.w.Resize(x, ir.W64, ir.W32, false), ir.W32, ir.W64, false)
	}
	return x
}

// segment proves that the code from the cut at pc to the next ones does what
// the instructions from there on mean.
func (s *sim[V]) segment(pc ir.PC) {
	m, r := s.cut(pc)
	here := site{s.fi, pc, m.off, nil}
	if s.p.Insns[pc].WritesFP() {
		s.traps(here)
		return
	}
	plain, err := s.ways(s.w, pc, r, -1)
	if err == nil {
		err = s.inStack(plain)
	}
	if err != nil {
		s.out.fail(here, nil, &pathError{Unknown, KindBytecode, err.Error()})
		return
	}
	// No code at all: the next cut is at the same place. That is no way to stay
	// there for ever, as every cycle has a jump that counts or ends by itself; the
	// next round of one of these is no such cut.
	empty := false
	for _, o := range plain {
		empty = empty || !o.exit && !o.tail && o.counts == 0 && int(s.code.PCMap[o.pc]) == m.off && !s.nextRound(pc, o.pc)
	}
	if len(plain) > 0 && !slices.ContainsFunc(plain, func(o way[V]) bool { return len(o.events) != len(plain[0].events) }) {
		m.want = plain[0].events
	}
	ends := s.run(m, pc, empty)
	inline := s.inlinable(pc)
	for _, e := range ends {
		if slices.ContainsFunc(e.m.events, func(x event[V]) bool { return x.kind == evHelper }) {
			inline = -1
		}
	}
	for _, e := range ends {
		s.finish(pc, r, e, inline)
	}
}

// traps proves of an instruction that no verifier lets a run come to that its
// code goes nowhere: it is a trap.
func (s *sim[V]) traps(at site) {
	in, err := s.img.decode(s.fi, at.off)
	if err != nil {
		s.out.fail(at, nil, asPathError(err))
		return
	}
	if at.seen = []int{at.off}; !in.Traps() {
		s.out.fail(at, nil, &pathError{Unknown, KindBytecode, "the instruction writes the frame pointer, and its code is no trap"})
		return
	}
	s.out.prove(at, KindBytecode, nil, nil)
}

// inStack refuses bytecode that visibly accesses the machine frame outside
// the eBPF stack: no verifier accepts it, and nothing is claimed of it.
func (s *sim[V]) inStack(ways []way[V]) error {
	for _, o := range ways {
		for _, e := range o.events {
			if e.kind > evUpdate {
				continue
			}
			off, ok := s.w.offset(e.addr, s.entrySP())
			if ok && (off < s.fr.low || off+int64(e.w.Bytes()) > s.fr.high) {
				return fmt.Errorf("access at %d from the frame pointer is outside the stack", off-s.fr.high)
			}
		}
	}
	return nil
}

// run explores all paths from m until each reaches a cut point or returns. If
// empty, the path may end where it begins.
func (s *sim[V]) run(m *machine[V], pc ir.PC, empty bool) []end[V] {
	if empty {
		return []end[V]{{m: m}}
	}
	heads := s.loopHeads(m.off)
	work, paths, ends := []*machine[V]{m}, 1, []end[V](nil)
	for len(work) > 0 {
		m := work[len(work)-1]
		work = work[:len(work)-1]
		for {
			next, done, err := s.step(m, heads)
			if err != nil {
				s.out.fail(site{s.fi, pc, m.off, m.seen}, m.path, asPathError(err))
				break
			}
			if done != nil {
				ends = append(ends, *done)
				break
			}
			if next != nil {
				work = append(work, next)
				paths++
			}
			if paths > maxPaths || len(m.seen) > maxSteps {
				err := unclear(KindImage, "more than %d paths or %d instructions on one", maxPaths, maxSteps)
				s.out.fail(site{s.fi, pc, m.off, m.seen}, nil, asPathError(err))
				return ends
			}
		}
	}
	return ends
}

// step executes one machine instruction of a path. It returns the other way of
// a branch, or the end of the path.
func (s *sim[V]) step(m *machine[V], heads map[int]int) (*machine[V], *end[V], error) {
	if len(m.seen) > 0 && s.img.cuts[s.fi][m.off] {
		return nil, &end[V]{m: m}, nil
	}
	if last, ok := heads[m.off]; ok {
		switch {
		case m.loop == nil:
			m.enterLoop(last)
		case m.loop.at == m.off:
			return nil, &end[V]{m: m, again: true}, nil
		default:
			return nil, nil, unclear(KindLoop, "loops within a loop at offset %#x", m.off)
		}
	}
	in, err := s.img.decode(s.fi, m.off)
	if err != nil {
		return nil, nil, err
	}
	m.seen = append(m.seen, m.off)
	if k := s.img.kernel; k != nil {
		if at, ok := k.sites[m.off]; ok {
			return s.exchanged(m, in, at)
		}
	}
	x := x86.Machine[V]{A: s.w, Mem: m, Known: s.w.known}
	flow, err := x.Step(&m.st, in)
	if err != nil {
		return nil, nil, err
	}
	if flow.Faults {
		at := site{s.fi, m.pc, m.off, m.seen}
		s.out.prove(at, KindFault, m.path, []goal[V]{{"divide error", ir.W1, s.w.Const(ir.W1, 0), flow.Fault}})
	}
	if r, ok := s.img.reloc(in); ok {
		sym, known := s.symbolOf(r)
		if !known {
			return nil, nil, unclear(KindImage, "relocation at offset %#x is not understood", r.Off)
		}
		m.st.R[in.Args[0].Reg] = sym
	}
	off := m.off
	m.off = in.End()
	return s.flow(m, off, in, flow)
}

// flow goes on after an instruction.
func (s *sim[V]) flow(m *machine[V], off int, in x86.Inst, flow x86.Flow[V]) (*machine[V], *end[V], error) {
	switch flow.Kind {
	case x86.Next:
		return nil, nil, nil
	case x86.Jump:
		if s.img.leaves(s.fi, flow.Target) {
			return s.jumpOut(m, off, flow.Target)
		}
		m.off = flow.Target
		return nil, nil, nil
	case x86.Branch:
		return s.branch(m, in, flow.Cond), nil, nil
	case x86.Call:
		return nil, nil, m.callDirect(flow.Target)
	case x86.CallIndirect:
		return nil, nil, m.callIndirect(flow.Addr)
	case x86.Return:
		m.off = off
		return nil, &end[V]{m: m, returned: true, ret: flow.Addr}, nil
	case x86.Trap:
		return nil, nil, refused(KindImage, "invalid-opcode trap at offset %#x", off)
	}
	m.off = off
	if s.img.kernel != nil {
		return nil, &end[V]{m: m, tail: true, ret: flow.Addr}, nil
	}
	if !slices.ContainsFunc(m.events, func(x event[V]) bool { return x.kind == evHelper }) {
		return nil, nil, unclear(KindImage, "indirect jump at offset %#x", off)
	}
	return nil, &end[V]{m: m, tail: true, ret: flow.Addr}, nil
}

// branch lets m take the branch and returns the path that does not; where
// the condition is decided, only the one way.
func (s *sim[V]) branch(m *machine[V], in x86.Inst, cond V) *machine[V] {
	not := s.w.Cmp(sem.EQ, ir.W1, cond, s.w.Const(ir.W1, 0))
	for _, c := range m.path {
		if s.w.same(c, cond) {
			m.off = in.Target
			return nil
		}
		if s.w.same(c, not) {
			return nil
		}
	}
	if x, ok := s.w.known(cond); ok {
		if x != 0 {
			m.off = in.Target
		}
		return nil
	}
	other := m.fork()
	other.path = append(other.path, not)
	m.path = append(m.path, cond)
	m.off = in.Target
	return other
}
