package x86

import (
	"fmt"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
)

// Reg is a general register by its hardware number, 0 for rax to 15 for r15.
type Reg uint8

// The general registers.
const (
	RAX Reg = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
	NumRegs = 16
)

var regNames = [NumRegs]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// String returns the name of the 64-bit register, such as "rax".
func (r Reg) String() string {
	if int(r) < len(regNames) {
		return regNames[r]
	}
	return fmt.Sprintf("reg(%d)", uint8(r))
}

// ArgKind tells what an operand is.
type ArgKind uint8

// The kinds of operands.
const (
	NoArg ArgKind = iota
	ArgReg
	ArgMem
	ArgImm
)

// Mem is a memory operand: Base + Index*Scale + Disp, of which base and index
// may be absent; if GS, State.GS is added, and both are absent.
type Mem struct {
	Base, Index       Reg
	HasBase, HasIndex bool
	GS                bool
	Scale             uint8
	Disp              int64
}

// Arg is an operand.
type Arg struct {
	Kind  ArgKind
	Width ir.Width // of the register or memory word; 0 for immediates
	Reg   Reg
	High  bool // bits 8-15 of Reg: ah, ch, dh, bh
	Mem   Mem
	Imm   uint64 // sign-extended to 64 bits
}

// Inst is one decoded instruction.
type Inst struct {
	Off    int // offset of its first byte in the image
	Len    int // bytes
	Op     x86asm.Op
	Width  ir.Width // width of the operation
	Lock   bool     // lock prefix; xchg with memory is locked without one
	Cond   Cond     // of Jcc, SETcc, CMOVcc
	Args   [3]Arg   // in Intel's order
	Target int      // offset in the image that a direct jump or call leads to
	class  class
}

// End returns the offset of the byte behind the instruction.
func (in Inst) End() int { return in.Off + in.Len }

// UnsupportedError says that bytes have no meaning here: they cannot be
// decoded, are ambiguous, or are an instruction that is not modelled.
type UnsupportedError struct {
	Off    int
	Text   string // the instruction, or its bytes where it cannot be decoded
	Reason string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("x86: decode offset %#x: %s: %s", e.Off, e.Text, e.Reason)
}

// Text disassembles the instruction at the beginning of code, which lies at
// offset off, for reports; undecodable bytes are shown in hexadecimal.
func Text(code []byte, off int) string {
	if endbr(code) {
		return "endbr64"
	}
	in, err := x86asm.Decode(code, 64)
	if err != nil || in.Op == 0 || in.Len == 0 {
		return fmt.Sprintf("bytes % x", code[:min(len(code), 15)])
	}
	return x86asm.IntelSyntax(in, uint64(off), nil)
}

// Writes reports whether the instruction may write the register operand a,
// which is one of its operands. It may say yes wrongly.
func (in Inst) Writes(a Arg) bool {
	switch in.class {
	case classXchg, classXadd:
		return true
	case classArith:
		return a == in.Args[0] && in.Op != x86asm.CMP && in.Op != x86asm.TEST
	case classPush, classJump, classCall, classMul, classDiv, classCmpxchg:
		return false
	}
	return a == in.Args[0]
}

// Traps reports whether the instruction always raises an exception.
func (in Inst) Traps() bool { return in.class == classTrap }

// Leaves reports whether execution never goes on behind the instruction.
func (in Inst) Leaves() bool {
	return in.class == classTrap || in.class == classJump || in.class == classRet
}

// WritesAccumulator reports whether the instruction may write rax (and rdx)
// without naming it.
func (in Inst) WritesAccumulator() bool {
	return in.class == classCmpxchg || in.class == classMul || in.class == classIMul || in.class == classDiv || in.class == classSign
}
