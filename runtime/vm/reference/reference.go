// Package reference executes programs one instruction at a time by the written
// meaning itself, ir/sem over machine words. It is slow and plain on purpose:
// the interpreter and native code are compared with it.
//
// It knows control, memory through an interface, and local calls; every value
// it computes comes from ir/sem. It does not share code with package vm.
// Accesses that are atomic elsewhere are made in steps here: a machine is for
// one thread.
//
//	m := &reference.Machine{Program: p, Memory: memory}
//	m.Regs[ir.R1], m.Regs[ir.FP] = dataAddr, stackTop
//	err := m.Run(1000)
//
// Sources: RFC 9669; the comments of ir/sem.
package reference

import (
	"errors"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// MaxFrames is how deep calls nest, the program's own frame included.
const MaxFrames = 8

// The ways a run ends before its exit, wrapped with the PC.
var (
	ErrUnsupported = errors.New("no meaning here")
	ErrMisaligned  = errors.New("misaligned atomic access")
	ErrDepth       = errors.New("calls nest too deep")
	ErrFuel        = errors.New("fuel is used up")
)

// Machine is the state of one run. The caller sets Program, Memory and the
// registers; r10 points behind the first of MaxFrames stack frames that lie
// below each other.
type Machine struct {
	Program *ir.Program
	Memory  helpers.Memory
	// Map returns what a reference to the map of that index loads: its handle, or
	// for value the address of its first value. nil if the program has no maps.
	Map func(index int, value bool) (uint64, error)
	// Call runs a helper. nil refuses all.
	Call func(id abi.HelperID, args [5]uint64) (uint64, error)

	// Packet returns the word of n bytes that LD_ABS and LD_IND read at a place in
	// the packet, in host order; ok is false outside of it. nil refuses both.
	Packet func(off int32, n int) (x uint64, ok bool)

	Regs [ir.NumRegs]uint64
	PC   ir.PC
	Done bool // the program has exited; its result is in r0

	frames []frame
	gotos  uint64 // may_goto instructions of this frame that fell through
}

type frame struct {
	ret   ir.PC
	regs  [5]uint64 // r6-r10
	gotos uint64
	loop  *loop // nil if no helper called
}

// loop is a call of bpf_loop that is under way.
type loop struct{ fn, i, n, ctx uint64 }

// MaxLoops bounds the calls of bpf_loop, and how often the may_goto
// instructions of one frame fall through (BPF_MAX_LOOPS).
const MaxLoops = 8 << 20

var word sem.Concrete

// Run steps until the exit or an error, at most fuel times.
func (m *Machine) Run(fuel int) error {
	for ; !m.Done; fuel-- {
		if fuel == 0 {
			return fmt.Errorf("reference: insn %d: %w", m.PC, ErrFuel)
		}
		if err := m.Step(); err != nil {
			return err
		}
	}
	return nil
}

// Step executes the instruction at PC. After an error the state is as before
// it.
func (m *Machine) Step() error {
	in := m.Program.Insns[m.PC]
	next, err := m.execute(in)
	if err != nil {
		return fmt.Errorf("reference: insn %d: %v: %w", m.PC, in.Op, err)
	}
	m.PC = next
	return nil
}

func (m *Machine) execute(in ir.Insn) (next ir.PC, err error) {
	row := in.Row()
	next = m.PC + row.Slots()
	dst, src := m.Regs[in.Dst], m.Regs[in.Src]
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		m.Regs[in.Dst] = sem.Result(word, in, dst, src)
	case ir.KindLoadImm:
		return next, m.loadImm(in)
	case ir.KindLoad:
		return next, m.load(in, sem.Address(word, src, in.Off), false)
	case ir.KindLoadAcquire:
		return next, m.load(in, sem.Address(word, src, in.Off), true)
	case ir.KindStore:
		return next, m.store(in, sem.Address(word, dst, in.Off), sem.Operand(word, in, src), false)
	case ir.KindStoreRelease:
		return next, m.store(in, sem.Address(word, dst, in.Off), src, true)
	case ir.KindAtomic:
		return next, m.atomic(in, sem.Address(word, dst, in.Off))
	case ir.KindJump:
		next, _ = in.Target(m.PC)
	case ir.KindBranch:
		if sem.Taken(word, in, dst, src) == 1 {
			next, _ = in.Target(m.PC)
		}
	case ir.KindMayGoto:
		if m.gotos++; m.gotos > MaxLoops {
			next, _ = in.Target(m.PC)
		}
	case ir.KindLoadPacket:
		return m.loadPacket(in, next)
	case ir.KindCall:
		return m.call(in, next)
	case ir.KindExit:
		return m.exit()
	default:
		return 0, ErrUnsupported
	}
	return next, nil
}

func (m *Machine) loadImm(in ir.Insn) error {
	index, off, isMap := in.Map()
	pseudo := in.Row().Pseudo
	switch {
	case pseudo == ir.PseudoNone:
		m.Regs[in.Dst] = uint64(in.Imm)
		return nil
	case pseudo == ir.PseudoFunc:
		target, _ := in.Target(m.PC)
		m.Regs[in.Dst] = abi.FuncRef(target)
		return nil
	case !isMap || m.Map == nil:
		return ErrUnsupported
	}
	value := pseudo == ir.PseudoMapValue || pseudo == ir.PseudoMapIdxV
	x, err := m.Map(index, value)
	if err != nil {
		return err
	}
	m.Regs[in.Dst] = x + uint64(off)
	return nil
}

func aligned(addr uint64, w ir.Width, atomic bool) error {
	if atomic && addr%uint64(w.Bytes()) != 0 {
		return ErrMisaligned
	}
	return nil
}

// little reads a word as little-endian bytes, the order of this host.
func little(b []byte) uint64 {
	var x uint64
	for i, c := range b {
		x |= uint64(c) << (8 * i)
	}
	return x
}

func putLittle(b []byte, x uint64) {
	for i := range b {
		b[i] = byte(x >> (8 * i))
	}
}

func (m *Machine) load(in ir.Insn, addr uint64, atomic bool) error {
	row := in.Row()
	b, err := m.Memory.Read(addr, row.Width.Bytes())
	if err == nil {
		err = aligned(addr, row.Width, atomic)
	}
	if err != nil {
		return err
	}
	m.Regs[in.Dst] = sem.Loaded(word, row.Width, row.Signed, little(b))
	return nil
}

func (m *Machine) store(in ir.Insn, addr, x uint64, atomic bool) error {
	w := in.Row().Width
	b, err := m.Memory.Write(addr, w.Bytes())
	if err == nil {
		err = aligned(addr, w, atomic)
	}
	if err != nil {
		return err
	}
	putLittle(b, sem.Stored(word, w, x))
	return nil
}

func (m *Machine) atomic(in ir.Insn, addr uint64) error {
	row := in.Row()
	b, err := m.Memory.Write(addr, row.Width.Bytes())
	if err == nil {
		err = aligned(addr, row.Width, true)
	}
	if err != nil {
		return err
	}
	old := little(b)
	putLittle(b, sem.Atomic(word, row.Atomic, row.Width, old, m.Regs[in.Src], m.Regs[ir.R0]))
	loaded := sem.Loaded(word, row.Width, false, old)
	switch {
	case row.Atomic == ir.AtomicCmpXchg:
		m.Regs[ir.R0] = loaded
	case row.Fetch:
		m.Regs[in.Src] = loaded
	}
	return nil
}

func (m *Machine) call(in ir.Insn, next ir.PC) (ir.PC, error) {
	switch in.Row().Pseudo {
	case ir.CallLocal:
		target, _ := in.Target(m.PC)
		return target, m.push(next, nil)
	case ir.CallHelper:
		if abi.HelperID(in.Imm) == abi.Loop {
			return m.startLoop(next)
		}
		if m.Call == nil {
			return 0, ErrUnsupported
		}
		x, err := m.Call(abi.HelperID(in.Imm), [5]uint64(m.Regs[1:6]))
		if err != nil {
			return 0, err
		}
		m.Regs[ir.R0] = x
		return next, nil
	}
	return 0, ErrUnsupported
}

// push enters a frame, which is zero, below the ones in use.
func (m *Machine) push(ret ir.PC, l *loop) error {
	if len(m.frames)+1 >= MaxFrames {
		return ErrDepth
	}
	m.frames = append(m.frames, frame{ret, [5]uint64(m.Regs[ir.R6:]), m.gotos, l})
	m.Regs[ir.FP] -= ir.StackSize
	m.gotos = 0
	b, err := m.Memory.Write(m.Regs[ir.FP]-ir.StackSize, ir.StackSize)
	if err != nil {
		return err
	}
	clear(b)
	return nil
}

func (m *Machine) exit() (ir.PC, error) {
	n := len(m.frames)
	if n == 0 {
		m.Done = true
		return m.PC, nil
	}
	f := m.frames[n-1]
	m.frames = m.frames[:n-1]
	copy(m.Regs[ir.R6:], f.regs[:])
	m.gotos = f.gotos
	switch {
	case f.loop == nil:
	case m.Regs[ir.R0] == 0:
		return m.goOn(f.loop, f.ret)
	default:
		m.Regs[ir.R0] = f.loop.i
	}
	return f.ret, nil
}

// startLoop is bpf_loop: -EINVAL for flags, -E2BIG for too many calls.
func (m *Machine) startLoop(next ir.PC) (ir.PC, error) {
	l := &loop{fn: m.Regs[ir.R2], n: m.Regs[ir.R1] & 0xffffffff, ctx: m.Regs[ir.R3]}
	pc, ok := abi.FuncOf(l.fn)
	const einval, e2big = 22, 7
	switch {
	case !ok || pc >= m.Program.Slots():
		return 0, fmt.Errorf("%w: %#x is no function", ErrUnsupported, l.fn)
	case m.Regs[ir.R4] != 0:
		m.Regs[ir.R0] = negative(einval)
	case l.n > MaxLoops:
		m.Regs[ir.R0] = negative(e2big)
	default:
		return m.goOn(l, next)
	}
	return next, nil
}

func negative(errno uint64) uint64 { return -errno }

// goOn makes the next call of a loop, or ends it.
func (m *Machine) goOn(l *loop, ret ir.PC) (ir.PC, error) {
	if l.i == l.n {
		m.Regs[ir.R0] = l.i
		return ret, nil
	}
	if err := m.push(ret, l); err != nil {
		return 0, err
	}
	copy(m.Regs[ir.R1:], []uint64{l.i, l.ctx, 0, 0, 0})
	l.i++
	pc, _ := abi.FuncOf(l.fn)
	return pc, nil
}

// loadPacket leaves a word of the packet in r0, or ends the function with r0 = 0
// where there is none; r1 to r5 are lost, and 0 here.
func (m *Machine) loadPacket(in ir.Insn, next ir.PC) (ir.PC, error) {
	if m.Packet == nil {
		return 0, ErrUnsupported
	}
	row := in.Row()
	off := uint64(in.Imm)
	if row.Indirect {
		off += m.Regs[in.Src]
	}
	x, ok := m.Packet(int32(off), row.Width.Bytes())
	clear(m.Regs[ir.R1 : ir.R5+1])
	m.Regs[ir.R0] = x
	if !ok {
		m.Regs[ir.R0] = 0
		return m.exit()
	}
	return next, nil
}

// Depth returns how many frames are in use.
func (m *Machine) Depth() int { return len(m.frames) + 1 }
