package jitproof

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jit"
)

// regs are the eBPF registers. Those in lost hold nothing that the program may
// read, so any value is theirs.
type regs[V any] struct {
	r    [numRegs]V
	lost [numRegs]bool
	// count is how often the function's may_goto still fall through.
	count V
	tail  tailState[V]
}

// outcome is one way an instruction goes on.
type outcome[V any] struct {
	cond V // one bit
	pc   ir.PC
	exit bool
	tail bool // to the program that a tail call found
	jump bool // pc is the target of a jump
	// events are what the program does on this way behind those of the
	// instruction.
	events []event[V]
}

// meaning is what the bytecode side does in one instruction.
type meaning[V any] struct {
	before []event[V]
	events []event[V]
	after  regs[V]
	outs   []outcome[V]
}

// spec executes the instruction at pc by package sem, behind what before lists.
// If inlined, a lookup in array map inline is what the ABI says it is instead of
// a call.
func (s *sim[V]) spec(a words[V], pc ir.PC, r regs[V], inline int, before []event[V]) (*meaning[V], error) {
	in := s.p.Insns[pc]
	row := in.Row()
	m := &meaning[V]{after: r, before: before}
	dst, src := r.r[in.Dst], r.r[in.Src]
	next := outcome[V]{cond: a.Const(ir.W1, 1), pc: pc + row.Slots()}
	target, _ := in.Target(pc)
	if s.img.kernel != nil {
		if done, err := s.specKernel(a, m, in, pc); done || err != nil {
			return m, err
		}
	}
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		m.set(in.Dst, sem.Result[V](a, in, dst, src))
	case ir.KindLoadImm:
		if err := s.loadImm(a, m, in, pc); err != nil {
			return nil, err
		}
	case ir.KindLoad, ir.KindLoadAcquire:
		x := symbol(a, before, evLoad, row.Width)
		m.events = []event[V]{{kind: evLoad, w: row.Width, addr: sem.Address[V](a, src, in.Off)}}
		m.set(in.Dst, sem.Loaded[V](a, row.Width, row.Signed, x))
	case ir.KindStore, ir.KindStoreRelease:
		x := src
		if row.Kind == ir.KindStore {
			x = sem.Operand[V](a, in, src)
		}
		m.events = []event[V]{{kind: evStore, w: row.Width, addr: sem.Address[V](a, dst, in.Off), val: sem.Stored[V](a, row.Width, x)}}
	case ir.KindAtomic:
		m.atomic(a, in)
	case ir.KindJump:
		next.pc, next.jump = target, true
	case ir.KindBranch:
		taken := sem.Taken[V](a, in, dst, src)
		next.cond = a.Bin(sem.Xor, ir.W1, taken, a.Const(ir.W1, 1))
		m.outs = append(m.outs, outcome[V]{cond: taken, pc: target, jump: true})
	case ir.KindMayGoto:
		if s.fr.count == 0 {
			return nil, fmt.Errorf("%v: the frame says nowhere how often it may fall through", in.Op)
		}
		over := a.Cmp(sem.EQ, ir.W64, r.count, a.Const(ir.W64, 0))
		next.cond = a.Bin(sem.Xor, ir.W1, over, a.Const(ir.W1, 1))
		m.after.count = a.Ite(over, r.count, a.Bin(sem.Sub, ir.W64, r.count, a.Const(ir.W64, 1)))
		m.outs = append(m.outs, outcome[V]{cond: over, pc: target, jump: true})
	case ir.KindExit:
		next.exit = true
	case ir.KindLoadPacket:
		outside := s.loadPacket(a, m, in)
		next.cond = a.Bin(sem.Xor, ir.W1, outside, a.Const(ir.W1, 1))
		m.outs = append(m.outs, outcome[V]{cond: outside, exit: true})
	case ir.KindCall:
		if err := s.call(a, m, in, target, inline); err != nil {
			return nil, err
		}
		if row.Pseudo == ir.CallHelper && abi.HelperID(in.Imm) == abi.TailCall {
			stays := a.Cmp(sem.EQ, ir.W64, m.after.r[ir.R0], a.Const(ir.W64, 0))
			m.outs = append(m.outs, outcome[V]{cond: a.Bin(sem.Xor, ir.W1, stays, a.Const(ir.W1, 1)), tail: true})
			next.cond = stays
		}
	default:
		return nil, fmt.Errorf("%v has no meaning here", in.Op)
	}
	if m.after.lost[ir.FP] {
		return nil, fmt.Errorf("%v writes the frame pointer", in.Op)
	}
	m.outs = append(m.outs, next)
	return m, nil
}

// set writes a register; writes to the frame pointer are marked as its loss.
func (m *meaning[V]) set(r ir.Reg, x V) {
	m.after.r[r], m.after.lost[r] = x, r == ir.FP
}

func (m *meaning[V]) atomic(a words[V], in ir.Insn) {
	row := in.Row()
	r := m.after.r
	old := symbol(a, m.before, evUpdate, row.Width)
	m.events = []event[V]{{kind: evUpdate, w: row.Width, addr: sem.Address[V](a, r[in.Dst], in.Off), old: old,
		val: sem.Atomic[V](a, row.Atomic, row.Width, old, r[in.Src], r[ir.R0])}}
	was := sem.Loaded[V](a, row.Width, false, old)
	switch {
	case row.Atomic == ir.AtomicCmpXchg:
		m.set(ir.R0, was)
	case row.Fetch:
		m.set(in.Src, was)
	}
}

func (s *sim[V]) loadImm(a words[V], m *meaning[V], in ir.Insn, pc ir.PC) error {
	i, off, _ := in.Map()
	switch in.Row().Pseudo {
	case ir.PseudoNone:
		m.set(in.Dst, a.Const(ir.W64, uint64(in.Imm)))
	case ir.PseudoMapFD, ir.PseudoMapIdx:
		x, _ := s.mapSymbol(jit.RelocMapHandle, i, 0)
		m.set(in.Dst, x)
	case ir.PseudoMapValue, ir.PseudoMapIdxV:
		x, _ := s.mapSymbol(jit.RelocMapValues, i, uint64(off))
		m.set(in.Dst, x)
	case ir.PseudoFunc:
		target, _ := in.Target(pc)
		m.set(in.Dst, s.funcSymbol(s.p.FuncAt(target)))
	default:
		return fmt.Errorf("%v has no meaning here", in.Op)
	}
	return nil
}

// loadPacket is LD_ABS or LD_IND: a call of the runtime with r6 and the
// offset, whose result is negative outside of the packet. Returned is whether
// it is; the function then returns 0.
func (s *sim[V]) loadPacket(a words[V], m *meaning[V], in ir.Insn) V {
	offset := a.Const(ir.W32, uint64(in.Imm))
	if in.Row().Indirect {
		offset = a.Bin(sem.Add, ir.W32, a.Resize(m.after.r[in.Src], ir.W64, ir.W32, false), offset)
	}
	e := event[V]{kind: evHelper, id: a.Const(s.conv.id, uint64(jit.LoadPacket(in.Row().Width))), nargs: 2}
	e.args[0], e.args[1] = m.after.r[ir.R6], a.Resize(offset, ir.W32, ir.W64, false)
	m.events = append(m.events, e)
	result := a.fresh("ret", ir.W64)
	outside := a.Cmp(sem.SLT, ir.W64, result, a.Const(ir.W64, 0))
	m.set(ir.R0, a.Ite(outside, a.Const(ir.W64, 0), result))
	m.losesArguments()
	return outside
}

func (m *meaning[V]) losesArguments() {
	for r := ir.R1; r <= ir.R5; r++ {
		m.after.lost[r] = true
	}
}

func (s *sim[V]) call(a words[V], m *meaning[V], in ir.Insn, target ir.PC, inline int) error {
	e := event[V]{kind: evLocal, nargs: 5}
	copy(e.args[:], m.after.r[ir.R1:ir.R6])
	result := a.fresh("ret", ir.W64)
	if s.across {
		result = s.behindCall(a, m)
	}
	switch {
	case inline >= 0:
		result = s.lookup(a, m, inline)
	case in.Row().Pseudo == ir.CallLocal:
		e.fn = s.p.FuncAt(target)
		m.events = append(m.events, e)
	case in.Row().Pseudo == ir.CallHelper:
		e.kind, e.id = evHelper, a.Const(s.conv.id, s.helperID(in))
		m.events = append(m.events, e)
	default:
		return fmt.Errorf("%v %d has no meaning here", in.Op, in.Imm)
	}
	m.set(ir.R0, result)
	m.losesArguments()
	m.after.tail.count = s.countAfterCall()
	return nil
}

// lookup is map_lookup_elem in array map i (array_map_lookup_elem and
// percpu_array_map_lookup_elem in kernel/bpf/arraymap.c of Linux 6.18): the
// address of the element that the 4 bytes at R2 number, or 0 if there is none.
// Of a per-CPU array it is the one of the environment's processor, and there is
// none if the map has no values for that.
func (s *sim[V]) lookup(a words[V], m *meaning[V], i int) V {
	spec := s.p.Maps[i]
	key := symbol(a, m.before, evLoad, ir.W32)
	m.events = append(m.events, event[V]{kind: evLoad, w: ir.W32, addr: m.after.r[ir.R2]})
	kind := jit.RelocMapValues
	if spec.Type == ir.PerCPUArray {
		kind = jit.RelocMapLanes
	}
	values, _ := s.mapSymbol(kind, i, 0)
	wide := a.Resize(key, ir.W32, ir.W64, false)
	at := a.Bin(sem.Add, ir.W64, values, a.Bin(sem.Mul, ir.W64, wide, a.Const(ir.W64, uint64(abi.ArrayStride(spec)))))
	inside := a.Cmp(sem.ULT, ir.W32, key, a.Const(ir.W32, uint64(spec.MaxEntries)))
	if spec.Type == ir.PerCPUArray {
		cpus, _ := s.mapSymbol(jit.RelocMapCPUs, i, 0)
		at = a.Bin(sem.Add, ir.W64, at, a.Bin(sem.Mul, ir.W64, s.cpu(), a.Const(ir.W64, abi.ArrayArea(spec))))
		inside = a.Bin(sem.And, ir.W1, inside, a.Cmp(sem.ULT, ir.W64, s.cpu(), cpus))
	}
	return a.Ite(inside, at, a.Const(ir.W64, 0))
}

// inlinable returns the map whose lookup the instruction at pc is known to be,
// or -1: an array, per CPU or not, whose handle a proved hint puts into R1.
func (s *sim[V]) inlinable(pc ir.PC) int {
	in := s.p.Insns[pc]
	row := in.Row()
	if row.Kind != ir.KindCall || row.Pseudo != ir.CallHelper || abi.HelperID(in.Imm) != abi.MapLookupElem {
		return -1
	}
	m, ok := s.img.hint(pc, ir.R1)
	if !ok || s.p.Maps[m].KeySize != 4 {
		return -1
	}
	if kind := s.p.Maps[m].Type; kind != ir.Array && kind != ir.PerCPUArray {
		return -1
	}
	return m
}
