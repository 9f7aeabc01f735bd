package x86

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Flag names one of the arithmetic flags that are modelled; AF is not.
type Flag uint8

// The flags.
const (
	CF Flag = iota
	PF
	ZF
	SF
	OF
	NumFlags = 5
)

var flagNames = [NumFlags]string{"CF", "PF", "ZF", "SF", "OF"}

// String returns "CF" and so on.
func (f Flag) String() string { return flagNames[f] }

// UndefinedFlagError says that an instruction reads a flag whose value the
// architecture, or this package, leaves open.
type UndefinedFlagError struct {
	Off  int
	Flag Flag
}

func (e *UndefinedFlagError) Error() string {
	return fmt.Sprintf("x86: step offset %#x: flag %v is not defined here", e.Off, e.Flag)
}

// compared holds the operands of the subtraction that set the flags: the
// conditions on it are then comparisons, which keeps terms small.
type compared[V any] struct {
	w    ir.Width
	x, y V
}

// Flags are the arithmetic flags. A flag is computed when it is read; nil is
// an undefined one.
type Flags[V any] struct {
	bit [NumFlags]func() V
	cmp *compared[V]
}

// Set defines a flag by a one-bit word. It is for building states; the
// conditions that follow are read off the flags themselves.
func (f *Flags[V]) Set(flag Flag, x V) {
	f.bit[flag] = func() V { return x }
	f.cmp = nil
}

// Get returns a flag as a one-bit word; ok is false if it is undefined.
func (f *Flags[V]) Get(flag Flag) (x V, ok bool) {
	if f.bit[flag] == nil {
		return x, false
	}
	return f.bit[flag](), true
}

// State is what instructions change: the general registers as 64-bit words,
// and the flags. Memory is apart. No instruction that is modelled changes GS, the
// base of the segment; it must be set where code has operands in it.
type State[V any] struct {
	R  [NumRegs]V
	F  Flags[V]
	GS V
}

// Memory is what loads and stores are made on. Addresses are 64-bit words,
// values w bits wide, w in 8, 16, 32, 64; the order of bytes is little-endian.
type Memory[V any] interface {
	Load(addr V, w ir.Width) (V, error)
	Store(addr V, w ir.Width, x V) error
	// Update replaces the word by what f makes of it in one atomic step that is
	// ordered with everything before and after, and returns the old word.
	Update(addr V, w ir.Width, f func(old V) V) (V, error)
}

// Machine gives instructions their meaning over the algebra A.
type Machine[V any] struct {
	A   sem.Algebra[V]
	Mem Memory[V]
	// Known returns the value of a word that is a constant.
	Known func(V) (uint64, bool)
}

// KnownWord is Machine.Known for the concrete algebra.
func KnownWord(x uint64) (uint64, bool) { return x, true }

func (m *Machine[V]) one(b uint64) V { return m.A.Const(ir.W1, b) }

func (m *Machine[V]) not(c V) V { return m.A.Bin(sem.Xor, ir.W1, c, m.one(1)) }

func (m *Machine[V]) known(x V, want uint64) bool {
	got, ok := m.Known(x)
	return ok && got == want
}

// address returns the 64-bit address of a memory operand (SDM volume 1,
// 3.7.5).
func (m *Machine[V]) address(s *State[V], x Mem) V {
	sum := m.A.Const(ir.W64, uint64(x.Disp))
	switch {
	case x.GS:
		return m.A.Bin(sem.Add, ir.W64, s.GS, sum)
	case x.HasBase && x.Disp == 0:
		sum = s.R[x.Base]
	case x.HasBase:
		sum = m.A.Bin(sem.Add, ir.W64, s.R[x.Base], sum)
	}
	if !x.HasIndex {
		return sum
	}
	index := s.R[x.Index]
	if x.Scale != 1 {
		index = m.A.Bin(sem.Mul, ir.W64, index, m.A.Const(ir.W64, uint64(x.Scale)))
	}
	return m.A.Bin(sem.Add, ir.W64, sum, index)
}

// register returns the w bits a register operand names.
func (m *Machine[V]) register(s *State[V], a Arg) V {
	x := s.R[a.Reg]
	if a.Width == ir.W64 {
		return x
	}
	if a.High {
		x = m.A.Bin(sem.LShr, ir.W64, x, m.A.Const(ir.W64, 8))
	}
	return m.A.Resize(x, ir.W64, a.Width, false)
}

// setRegister writes a register operand: 32-bit writes clear the upper half, 8-
// and 16-bit writes keep all other bits (SDM volume 1, 3.4.1.1).
func (m *Machine[V]) setRegister(s *State[V], a Arg, x V) {
	switch a.Width {
	case ir.W64:
		s.R[a.Reg] = x
		return
	case ir.W32:
		s.R[a.Reg] = m.A.Resize(x, ir.W32, ir.W64, false)
		return
	}
	mask := a.Width.Mask()
	wide := m.A.Resize(x, a.Width, ir.W64, false)
	if a.High {
		mask <<= 8
		wide = m.A.Bin(sem.Shl, ir.W64, wide, m.A.Const(ir.W64, 8))
	}
	kept := m.A.Bin(sem.And, ir.W64, s.R[a.Reg], m.A.Const(ir.W64, ^mask))
	s.R[a.Reg] = m.A.Bin(sem.Or, ir.W64, kept, wide)
}

// read returns an operand as a word of w bits.
func (m *Machine[V]) read(s *State[V], a Arg, w ir.Width) (V, error) {
	switch a.Kind {
	case ArgReg:
		return m.register(s, a), nil
	case ArgMem:
		return m.Mem.Load(m.address(s, a.Mem), w)
	}
	return m.A.Const(w, a.Imm), nil
}

// write stores to an operand of w bits.
func (m *Machine[V]) write(s *State[V], a Arg, w ir.Width, x V) error {
	if a.Kind == ArgMem {
		return m.Mem.Store(m.address(s, a.Mem), w, x)
	}
	m.setRegister(s, a, x)
	return nil
}

// modify replaces a destination by f of it, atomically if locked, and returns
// what was there.
func (m *Machine[V]) modify(s *State[V], a Arg, w ir.Width, locked bool, f func(V) V) (V, error) {
	if a.Kind == ArgMem && locked {
		return m.Mem.Update(m.address(s, a.Mem), w, f)
	}
	old, err := m.read(s, a, w)
	if err != nil {
		return old, err
	}
	return old, m.write(s, a, w, f(old))
}
