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

	Regs [ir.NumRegs]uint64
	PC   ir.PC
	Done bool // the program has exited; its result is in r0

	frames []frame
}

type frame struct {
	ret  ir.PC
	regs [5]uint64 // r6-r10
}

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
	case ir.KindCall:
		return m.call(in, next)
	case ir.KindExit:
		return m.exit(), nil
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
		if len(m.frames)+1 >= MaxFrames {
			return 0, ErrDepth
		}
		m.frames = append(m.frames, frame{next, [5]uint64(m.Regs[ir.R6:])})
		m.Regs[ir.FP] -= ir.StackSize
		b, err := m.Memory.Write(m.Regs[ir.FP]-ir.StackSize, ir.StackSize)
		if err != nil {
			return 0, err
		}
		clear(b)
		target, _ := in.Target(m.PC)
		return target, nil
	case ir.CallHelper:
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

func (m *Machine) exit() ir.PC {
	n := len(m.frames)
	if n == 0 {
		m.Done = true
		return m.PC
	}
	f := m.frames[n-1]
	m.frames = m.frames[:n-1]
	copy(m.Regs[ir.R6:], f.regs[:])
	return f.ret
}

// Depth returns how many frames are in use.
func (m *Machine) Depth() int { return len(m.frames) + 1 }
