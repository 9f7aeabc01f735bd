package vm

import "github.com/bpfproof/bpfproof/ir"

// opcode picks the case of the main loop. One case serves both widths and both
// sources of an operation: the second operand is r[src] + imm, where an
// immediate operand comes with the register that is always zero and a register
// operand with the immediate 0; 32-bit results are masked.
type opcode uint8

const (
	opAdd opcode = iota
	opSub
	opMul
	opOr
	opAnd
	opXor
	opMov
	opLsh
	opRsh
	opArsh
	opPure // dst = pure[off](x, y)
	opJump
	opJEQ // opJNE and other opposites are the same with the two ways exchanged
	opJGT
	opJGE
	opJSGT
	opJSGE
	opJSET
	opLoad
	opStore
	opSlow // slow[off](m, in)
)

// zero is the number of the register that always holds 0.
const zero = ir.NumRegs

// insn is one decoded instruction.
type insn struct {
	op       opcode
	dst, src uint8
	shift    uint8 // 64 - width, for arithmetic and comparisons; bytes, for memory
	off      int32 // where a jump leads; offset of a store; index into a table
	next     int32 // where execution goes on otherwise
	imm      uint64
	mask     uint64 // the width's bits
}
