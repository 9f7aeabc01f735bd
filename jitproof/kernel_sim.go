package jitproof

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// vsyscall is where the kernel's part of the address space ends for loads that
// may fault (VSYSCALL_ADDR).
const vsyscall = 0xffffffffff600000

// tailCalled is the state of the tail-call count in a function that is called:
// a main program starts a new one.
func (s *sim[V]) tailCalled(m *machine[V]) tailState[V] {
	rax := s.entry(x86.RAX)
	if c := s.fr.counter; c != nil && c.main {
		rax = s.w.Const(ir.W64, 0)
	}
	return s.tailEntered(rax)
}

// tailEntry is any state in which a tail call of a program enters this one:
// behind the first instructions of the prologue, which have saved rbp.
func (s *sim[V]) tailEntry(k *kernelTables) (*machine[V], regs[V]) {
	m, r := s.entered()
	m.off += k.tail
	r.tail = s.tailEntered(s.entry(x86.RAX))
	m.st.R[x86.RSP], m.st.R[x86.RBP] = s.spAt(-8), s.spAt(-8)
	m.slots[-8] = s.entry(x86.RBP)
	return m, r
}

// tailKernel proves that the machine jumps to where the program array says, with
// the state that tailEntry starts from.
func (s *sim[V]) tailKernel(at site, e end[V], r regs[V], path []V) {
	m := e.m
	t := r.tail
	t.count = s.w.Bin(sem.Add, ir.W64, t.count, s.w.Const(ir.W64, 1))
	goals := []goal[V]{
		{"target of the tail call", ir.W64, r.r[ir.R0], e.ret},
		{"r1", ir.W64, r.r[ir.R1], m.st.R[argRegs[0]]},
		{"tail-call count", ir.W64, t.handed(s.w), m.st.R[x86.RAX]},
		{"return address", ir.W64, s.w.fresh("entry.return", ir.W64), m.slot(0)},
		{"saved rbp", ir.W64, s.entry(x86.RBP), m.slot(-8)},
		{"rbp", ir.W64, s.spAt(-8), m.st.R[x86.RBP]},
		{"rsp", ir.W64, s.spAt(-8), m.st.R[x86.RSP]},
	}
	for _, k := range calleeSaved {
		if k != x86.RBP {
			goals = append(goals, goal[V]{k.String(), ir.W64, s.entry(k), m.st.R[k]})
		}
	}
	s.out.prove(at, KindExit, path, goals)
}

// exchanged goes on at an instruction that depends on a slot, whichever way it
// is written just now.
func (s *sim[V]) exchanged(m *machine[V], in x86.Inst, at site5) (*machine[V], *end[V], error) {
	filled, target := s.slot(at.pc)
	if at.out == 0 {
		return nil, &end[V]{m: m, tail: true, ret: target}, nil
	}
	m.off = in.End()
	in.Target = at.out
	return s.branch(m, in, s.w.Bin(sem.Xor, ir.W1, filled, s.w.Const(ir.W1, 1))), nil, nil
}

// slot is what the slot of a tail call with a constant index holds: whether it is
// filled, and where the program in it is entered.
func (s *sim[V]) slot(pc ir.PC) (filled, target V) {
	return s.w.fresh(fmt.Sprintf("slot%d.filled", pc), ir.W1), s.w.fresh(fmt.Sprintf("slot%d.target", pc), ir.W64)
}

// jumpOut goes on after a jump out of the function.
func (s *sim[V]) jumpOut(m *machine[V], off, target int) (*machine[V], *end[V], error) {
	k := s.img.kernel
	addr := k.address(s.fi, target)
	m.off = off
	if slices.Contains(k.Returns, addr) {
		ret, err := m.Load(m.st.R[x86.RSP], ir.W64)
		m.st.R[x86.RSP] = s.w.Bin(sem.Add, ir.W64, m.st.R[x86.RSP], s.w.Const(ir.W64, 8))
		return nil, &end[V]{m: m, returned: true, ret: ret}, err
	}
	if r, ok := k.Jumps[addr]; ok && r < x86.NumRegs {
		return nil, &end[V]{m: m, tail: true, ret: m.st.R[r]}, nil
	}
	return nil, nil, unclear(KindImage, "jump out of the image to %#x", addr)
}

// callKernel is a direct call: of a function of the program, or of the kernel.
func (m *machine[V]) callKernel(target int) error {
	k := m.s.img.kernel
	addr := k.address(m.s.fi, target)
	fn := slices.IndexFunc(k.Funcs, func(f jit.LinuxFunc) bool { return f.Addr == addr })
	before := m.st.R
	switch {
	case fn >= 0:
		m.events = append(m.events, event[V]{kind: evLocal, fn: fn, args: m.args()})
		if m.s.img.frames[fn].counter != nil {
			m.handsCount()
		}
	case k.holds(addr):
		return refused(KindCall, "call of %#x, which is inside the program and starts no function", addr)
	default:
		e := event[V]{kind: evHelper, id: m.a().Const(m.s.conv.id, addr), args: m.args()}
		if addr == k.TimedMayGoto {
			e.args[0] = m.st.R[kernelHomes[translated.AX]]
		}
		m.events = append(m.events, e)
	}
	if err := m.called(); err != nil {
		return err
	}
	result := x86.RAX
	if fn < 0 && addr == k.TimedMayGoto {
		for r := ir.R0; r <= ir.R5; r++ {
			m.st.R[kernelHomes[r]] = before[kernelHomes[r]]
		}
		result = kernelHomes[translated.AX]
	}
	m.st.R[result] = m.a().fresh("ret", ir.W64)
	return nil
}

// handsCount proves that rax holds the address of the tail-call count where a
// function is called that expects it there.
func (m *machine[V]) handsCount() {
	at := site{m.s.fi, m.pc, m.off, m.seen}
	if !m.counting {
		m.s.out.fail(at, m.path, &pathError{Refuted, KindCall, "a function that makes tail calls is called by one that keeps no count"})
		return
	}
	m.s.out.prove(at, KindCall, m.path, []goal[V]{{"address of the tail-call count", ir.W64, m.s.tailSymbols().addr, m.st.R[x86.RAX]}})
}

// holds reports whether addr is in the image.
func (k *kernelTables) holds(addr uint64) bool {
	return slices.ContainsFunc(k.Funcs, func(f jit.LinuxFunc) bool { return addr >= f.Addr && addr < f.Addr+uint64(f.Len) })
}

// loadSegment is a load of per-processor data: of the processor's offset, or
// nothing that programs read.
func (m *machine[V]) loadSegment(off int64, w ir.Width) (V, error) {
	if k := m.s.img.kernel; k == nil || k.cpuOff == 0 || uint64(off) != k.cpuOff || w != ir.W64 {
		return m.budget, unclear(KindEnv, "read of %d bits at %#x of the processor's data", w, off)
	}
	return m.s.processor(), nil
}

// processor is this_cpu_off, which is the same as long as a program runs.
func (s *sim[V]) processor() V { return s.w.fresh("this_cpu_off", ir.W64) }

// specKernel executes an instruction that has a meaning of its own in bytecode
// that Linux rewrote; done is false for all others.
func (s *sim[V]) specKernel(a words[V], m *meaning[V], in ir.Insn, pc ir.PC) (done bool, err error) {
	k := s.img.kernel
	next := outcome[V]{cond: a.Const(ir.W1, 1), pc: pc + in.Row().Slots()}
	switch k.bytecode.Forms[pc] {
	case translated.TailCall:
		if k.direct[pc] {
			s.specSlot(a, m, next, pc)
		} else {
			s.specTailCall(a, m, next)
		}
		return true, nil
	case translated.PerCPU:
		m.set(in.Dst, a.Bin(sem.Add, ir.W64, m.after.r[in.Src], s.processor()))
		m.outs = append(m.outs, next)
		return true, nil
	case translated.Call:
		if k.CallBase == 0 {
			return true, fmt.Errorf("where the kernel's functions are is not known")
		}
		if k.timed(pc, in) {
			e := event[V]{kind: evHelper, id: a.Const(s.conv.id, k.TimedMayGoto), nargs: 1}
			e.args[0] = m.after.r[translated.AX]
			m.events = append(m.events, e)
			m.set(translated.AX, a.fresh("ret", ir.W64))
			m.after.tail.count = s.countAfterCall()
			m.outs = append(m.outs, next)
			return true, nil
		}
	}
	switch {
	case in.Row().Atomic == ir.AtomicCmpXchg && in.Row().Width == ir.W32:
		// Bytecode that the kernel has rewritten leaves the upper half of r0 to the
		// machine, and extends it by an instruction of its own: amd64 keeps it where
		// the word was as expected.
		was := m.after.r[ir.R0]
		m.atomic(a, in)
		old := m.events[0].old
		same := a.Cmp(sem.EQ, ir.W32, old, a.Resize(was, ir.W64, ir.W32, false))
		m.set(ir.R0, a.Ite(same, was, m.after.r[ir.R0]))
	case in.Kind() == ir.KindLoadImm && in.Row().Pseudo == ir.PseudoFunc:
		target, _ := in.Target(pc)
		m.set(in.Dst, a.Const(ir.W64, k.Funcs[s.p.FuncAt(target)].Addr))
	case in.Kind() == ir.KindLoadImm && in.Row().Pseudo != ir.PseudoNone:
		addr, err := k.mapAddress(in)
		if err != nil {
			return true, err
		}
		m.set(in.Dst, a.Const(ir.W64, addr))
	case in.Kind() == ir.KindExit && k.shared[pc] != pc:
		next.pc = k.shared[pc] // another exit of the function means the same
		if s.p.Insns[next.pc].Kind() != ir.KindExit || s.p.FuncAt(next.pc) != s.p.FuncAt(pc) {
			return true, fmt.Errorf("insn %d is no exit of the function", next.pc)
		}
	case k.probes[pc]:
		return true, s.specProbe(a, m, in, next)
	default:
		return false, nil
	}
	m.outs = append(m.outs, next)
	return true, nil
}

// specProbe is a load through a pointer that may be no longer valid: of the
// kernel's addresses it is a load, which gives 0 if it faults; of all others the
// result is 0.
func (s *sim[V]) specProbe(a words[V], m *meaning[V], in ir.Insn, next outcome[V]) error {
	k, row := s.img.kernel, in.Row()
	if k.user != 1<<47 && k.user != 1<<56 { // TASK_SIZE_MAX + PAGE_SIZE with four levels of pages, and with five
		return fmt.Errorf("%#x is no bound of the kernel's addresses", k.user)
	}
	addr := sem.Address[V](a, m.after.r[in.Src], in.Off)
	above := a.Cmp(sem.UGT, ir.W64, addr, a.Const(ir.W64, k.user))
	inside := a.Bin(sem.And, ir.W1, above, a.Cmp(sem.ULT, ir.W64, addr, a.Const(ir.W64, vsyscall)))
	x := sem.Loaded[V](a, row.Width, row.Signed, symbol(a, m.before, evLoad, row.Width))
	outside := next
	next.cond, outside.cond = inside, a.Bin(sem.Xor, ir.W1, inside, a.Const(ir.W1, 1))
	next.events = []event[V]{{kind: evLoad, w: row.Width, addr: addr}}
	m.set(in.Dst, a.Ite(inside, x, a.Const(ir.W64, 0)))
	m.outs = append(m.outs, next, outside)
	return nil
}

// specTailCall is bpf_tail_call (kernel/bpf/core.c, the interpreter's
// JMP_TAIL_CALL): if R3 is an index in the program array at R2, not more than
// tailLimit calls were made, and there is a program, its code is where execution
// goes on; otherwise behind the call.
func (s *sim[V]) specTailCall(a words[V], m *meaning[V], next outcome[V]) {
	k, r := s.img.kernel, m.after.r
	m.losesCalls()
	not := func(c V) V { return a.Bin(sem.Xor, ir.W1, c, a.Const(ir.W1, 1)) }
	and := func(x, y V) V { return a.Bin(sem.And, ir.W1, x, y) }
	var events []event[V]
	load := func(w ir.Width, addr V) V {
		x := symbol(a, append(slices.Clip(m.before), events...), evLoad, w)
		events = append(slices.Clip(events), event[V]{kind: evLoad, w: w, addr: addr})
		return x
	}
	index := a.Resize(r[ir.R3], ir.W64, ir.W32, false)
	inside := a.Cmp(sem.ULT, ir.W32, index, load(ir.W32, sem.Address[V](a, r[ir.R2], k.MaxEntries)))
	may := a.Cmp(sem.ULT, ir.W64, m.after.tail.count, a.Const(ir.W64, tailLimit))
	out := next
	out.cond, out.events = not(and(inside, may)), events
	m.outs = append(m.outs, out)
	slot := a.Bin(sem.Mul, ir.W64, a.Resize(index, ir.W32, ir.W64, false), a.Const(ir.W64, 8))
	prog := load(ir.W64, sem.Address[V](a, a.Bin(sem.Add, ir.W64, r[ir.R2], slot), k.ArrayPtrs))
	found := a.Cmp(sem.NE, ir.W64, prog, a.Const(ir.W64, 0))
	out.cond, out.events = and(and(inside, may), not(found)), events
	m.outs = append(m.outs, out)
	entry := load(ir.W64, sem.Address[V](a, prog, k.ProgFunc))
	m.after.r[ir.R0] = a.Bin(sem.Add, ir.W64, entry, a.Const(ir.W64, uint64(k.tail)))
	m.outs = append(m.outs, outcome[V]{cond: and(and(inside, may), found), tail: true, events: events})
}

// losesCalls marks what a tail call leaves without a value.
func (m *meaning[V]) losesCalls() {
	for i := ir.R0; i <= ir.R5; i++ {
		m.after.lost[i] = true
	}
}

// specSlot is bpf_tail_call with a constant index: the kernel keeps the code in
// step with the slot, instead of looking it up (prog_array_map_poke_run in
// kernel/bpf/arraymap.c).
func (s *sim[V]) specSlot(a words[V], m *meaning[V], next outcome[V], pc ir.PC) {
	m.losesCalls()
	filled, target := s.slot(pc)
	may := a.Cmp(sem.ULT, ir.W64, m.after.tail.count, a.Const(ir.W64, tailLimit))
	goes := a.Bin(sem.And, ir.W1, may, filled)
	next.cond = a.Bin(sem.Xor, ir.W1, goes, a.Const(ir.W1, 1))
	m.after.r[ir.R0] = target
	m.outs = append(m.outs, next, outcome[V]{cond: goes, tail: true})
}
