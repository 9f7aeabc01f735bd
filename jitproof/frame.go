package jitproof

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof/translated"
	"github.com/bpfproof/bpfproof/jitproof/x86"
)

// numRegs counts the registers of bytecode with the one that a kernel's rewriting
// uses beside those of programs.
const numRegs = int(translated.AX) + 1

// convention is what images keep among each other and towards those who call
// them, as far as it differs: that of jit/contract.go, and that of Linux.
type convention struct {
	// env says that r12 points to an environment with the exits for helpers and
	// polls, and that r9 is the budget of backward jumps.
	env bool
	// regs are the registers of the bytecode but the frame pointer.
	regs []ir.Reg
	// lost are the machine registers that a call does not keep.
	lost []x86.Reg
	// id is the width of what names a helper: its number, or its address.
	id ir.Width
}

// ours is the convention of jit/contract.go.
func ours() convention {
	return convention{env: true, regs: registers(ir.NumRegs), id: ir.W32,
		lost: []x86.Reg{x86.RAX, x86.RCX, x86.RDX, x86.RSI, x86.RDI, x86.R8, x86.R10, x86.R11}}
}

func registers(n int) (regs []ir.Reg) {
	for r := range ir.Reg(n) {
		if r != ir.FP {
			regs = append(regs, r)
		}
	}
	return regs
}

// budgetReg holds how many backward jumps are left, where there is a budget.
const budgetReg = x86.R9

// calleeSaved are the registers that a function keeps for its caller.
var calleeSaved = []x86.Reg{x86.RBX, x86.RBP, x86.R12, x86.R13, x86.R14, x86.R15}

// argRegs hold the arguments of functions and helpers.
var argRegs = [5]x86.Reg{x86.RDI, x86.RSI, x86.RDX, x86.RCX, x86.R8}

// frame says where a function keeps the eBPF state at every cut. Offsets are in
// bytes from the stack pointer at the function's entry, where the return
// address is.
type frame struct {
	regs [numRegs]x86.Reg
	size int64 // how far below the entry the stack pointer is
	// low and high are the bounds of the eBPF stack; low == high: there is none.
	low, high int64
	fp        bool // the frame pointer is kept in its register
	// private says that the eBPF stack is not in the frame: the frame pointer is
	// fixed plus the processor's offset, and rbp, the entry's stack pointer less 8.
	private bool
	fixed   uint64
	saved   []savedReg
	count   int64    // where the count of may_goto is; 0: nowhere
	counter *counter // nil: the function makes no tail calls
}

// savedReg is a word of the frame with what a register held at the entry.
type savedReg struct {
	reg x86.Reg
	off int64
}

// saves reports whether the frame has a word for what r held.
func (f *frame) saves(r x86.Reg) bool {
	for _, s := range f.saved {
		if s.reg == r {
			return true
		}
	}
	return false
}

// ourFrame is the frame that jit.Frame describes.
func ourFrame(f jit.Frame) frame {
	size := int64(f.Size)
	g := frame{size: size, low: -size, high: int64(f.Stack) - size, fp: f.Stack > 0, count: int64(f.Count)}
	for r, home := range f.Regs {
		g.regs[r] = x86.Reg(home)
	}
	for i, r := range f.Saved {
		g.saved = append(g.saved, savedReg{x86.Reg(r), -8 * int64(i+1)})
	}
	return g
}
