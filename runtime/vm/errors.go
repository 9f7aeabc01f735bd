package vm

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// UnsupportedError says that the interpreter has no meaning for an instruction,
// so the program is refused at load.
type UnsupportedError struct {
	PC     ir.PC
	Op     ir.Op
	Reason string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("vm: insn %d: %v: %s", e.PC, e.Op, e.Reason)
}

// FaultKind tells faults apart.
type FaultKind uint8

// The kinds of faults.
const (
	FaultMemory     FaultKind = iota + 1 // access outside the program's memory, or without permission
	FaultMisaligned                      // atomic access to an address that is no multiple of its size
	FaultFuel                            // more instructions than the run's fuel
	FaultDepth                           // more nested calls than frames
	FaultHelper                          // a helper refused its arguments
	FaultCancelled                       // the caller's context ended
	FaultForbidden                       // write to r10
)

// Fault is a run that did not reach its exit.
type Fault struct {
	Kind    FaultKind
	Program string // whose instruction it is, if a tail call left the one that was run
	PC      ir.PC  // of the instruction
	Addr    uint64 // of the access
	Size    uint64 // bytes of the access
	Write   bool
	Err     error // what the helper or the caller's context says
}

func (f *Fault) Error() string {
	if f.Program != "" {
		return fmt.Sprintf("vm: program %q: %s", f.Program, f.text())
	}
	return "vm: " + f.text()
}

func (f *Fault) text() string {
	access := "load"
	if f.Write {
		access = "store"
	}
	switch f.Kind {
	case FaultMemory:
		return fmt.Sprintf("insn %d: %s of %d bytes at %#x: outside the program's memory", f.PC, access, f.Size, f.Addr)
	case FaultMisaligned:
		return fmt.Sprintf("insn %d: atomic access of %d bytes at %#x: misaligned", f.PC, f.Size, f.Addr)
	case FaultFuel:
		return fmt.Sprintf("insn %d: fuel is used up", f.PC)
	case FaultDepth:
		return fmt.Sprintf("insn %d: call: more than %d nested frames", f.PC, MaxFrames)
	case FaultForbidden:
		return fmt.Sprintf("insn %d: write to r10, which is read-only", f.PC)
	}
	return fmt.Sprintf("insn %d: %v", f.PC, f.Err)
}

// Unwrap returns what the helper or the caller's context says.
func (f *Fault) Unwrap() error { return f.Err }
