package jit

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// Code is a compiled program: position-independent machine code and what is
// needed to load, run and validate it.
type Code struct {
	Arch   string  // GOARCH, such as "amd64"
	Text   []byte  // machine code; relocated places hold zero
	PCMap  []int32 // by PC: offset in Text where the instruction's code starts, NoCode for padding
	Funcs  []Func  // by index in ir.Program.Funcs; Funcs[0] is the program's entry
	Hints  []Hint  // in order of PC
	Relocs []Reloc // in order of Off
	// Cuts says by PC at which instructions machine and eBPF state correspond as
	// Frame and Hints say; nil: at every one. Elsewhere PCMap names only where
	// code of the instruction was put, for listings and for faults.
	Cuts []bool
	// Uncounted lists, in order, jumps backward that do not count down the
	// budget (see contract.go): every loop has another one that does, or is short.
	Uncounted []ir.PC
}

// Cut reports whether machine and eBPF state correspond at pc.
func (c *Code) Cut(pc ir.PC) bool {
	return c.PCMap[pc] != NoCode && (c.Cuts == nil || c.Cuts[pc])
}

// NoCode marks slots without code of their own in Code.PCMap.
const NoCode int32 = -1

// Func is one compiled subprogram.
type Func struct {
	PC    ir.PC
	Entry int32 // offset in Text of the prologue
	End   int32 // offset in Text behind the last byte
	Frame Frame
}

// Frame tells where a function keeps the eBPF state at every cut. Untrusted,
// like a hint.
type Frame struct {
	Regs  [ir.NumRegs]uint8 // machine register number of each eBPF register
	Size  int32             // bytes between the entry stack pointer and the lowest address of the frame
	Saved []uint8           // machine registers saved by the prologue, in order of their pushes
	// Stack is the size in bytes of the eBPF stack, which is the lowest part of
	// the frame: ir.StackSize, or 0 in a function that does not use r10, whose
	// home is then not kept.
	Stack int32
	// Count is where, in bytes from the entry stack pointer, the 64-bit count of
	// may_goto lies: how often the function's may_goto still fall through. 0
	// if it has none.
	Count int32
}

// Hint states a fact that holds whenever execution reaches PC. The validator
// proves it by induction over all ways to get there before it relies on it.
type Hint struct {
	PC   ir.PC
	Reg  ir.Reg
	Map  int // of HintMap
	Kind HintKind
}

// HintKind is what a hint says.
type HintKind uint8

// The kinds of hints.
const (
	HintMap   HintKind = iota // Reg holds the handle of the program's map of index Map
	HintDead                  // Reg's home holds anything: no code reads it before Reg is written
	HintUpper                 // the upper 32 bits of Reg are zero
)

var hintNames = [...]string{"map", "dead", "upper"}

// String returns "map", "dead" or "upper".
func (k HintKind) String() string {
	if int(k) < len(hintNames) {
		return hintNames[k]
	}
	return fmt.Sprintf("hint(%d)", uint8(k))
}

// RelocKind tells what value a relocation stands for.
type RelocKind uint8

// The kinds of relocations; all are 8 bytes, little-endian.
const (
	RelocMapHandle RelocKind = iota + 1 // the handle that helpers take for map Map
	RelocMapValues                      // address of element 0 of array map Map, plus Addend
	RelocFunc                           // address of the entry of function Func
	RelocMapLanes                       // address of element 0 of processor 0 of per-CPU array map Map
	RelocMapCPUs                        // how many processors have values of their own in per-CPU array map Map
)

// Reloc is a place in Text that the loader fills in.
type Reloc struct {
	Off    int32
	Kind   RelocKind
	Map    int
	Func   int // index in Code.Funcs
	Addend uint64
}

// Target is what a backend may know of the program's surroundings.
type Target struct {
	// ArrayStride returns the distance in bytes between the elements of map i,
	// where it is an array whose lookup may be inlined; 0 otherwise.
	ArrayStride func(m *ir.MapSpec) uint32
	// ArrayArea returns the distance in bytes between the values of one processor
	// and those of the next in a per-CPU array, whose elements lie ArrayStride
	// apart; nil: lookups in per-CPU arrays are not inlined.
	ArrayArea func(m *ir.MapSpec) uint64
	// BMI2 says that an amd64 machine has shlx, shrx and sarx, which shift by
	// any register.
	BMI2 bool
	// MOVBE says that an amd64 machine has loads and stores that reverse bytes.
	MOVBE bool
}

// Backend compiles programs for one machine.
type Backend interface {
	// Arch returns the GOARCH the backend compiles for.
	Arch() string
	// Compile compiles a well-formed program. An instruction it has no lowering
	// for is an *UnsupportedError.
	Compile(p *ir.Program) (*Code, error)
}
