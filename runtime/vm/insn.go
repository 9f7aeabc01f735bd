package vm

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

//go:generate go run ./gen -o loop.go

// opcode picks the case of the main loop, which package gen writes: one for
// each operation, width and kind of operand.
type opcode uint8

// insn is one decoded instruction, of 16 bytes.
type insn struct {
	op       opcode
	dst, src uint8
	aux      uint8  // a third register, or an index into pure, slow or control
	off      int32  // of a memory access; how far a jump leads, in bytes
	imm      int32  // as in the program; low half of a 64-bit load
	hi       uint32 // upper half of a 64-bit load; fuel of a jump, taken low and not taken high
}

// aluCase and jumpCase are what finds an operation's case.
type (
	aluCase struct {
		op    ir.ALUOp
		width ir.Width
		src   ir.Source
	}
	jumpCase struct {
		op    ir.CmpOp
		width ir.Width
		src   ir.Source
	}
)

// maxSegment bounds what a jump pays for: fuel of longer segments is not
// counted, so that a run is never stopped too early.
const maxSegment = 1<<16 - 1

// segments returns by PC how many instructions are executed from there on up
// to the next transfer of control, that included, if nothing faults.
func segments(p *ir.Program) []uint16 {
	n := make([]uint16, len(p.Insns))
	for pc := len(p.Insns) - 1; pc >= 0; pc-- {
		in := p.Insns[pc]
		if in.Op == ir.OpPad {
			continue
		}
		behind := pc + int(in.Row().Slots())
		n[pc] = 1
		if !transfers(in) && behind < len(n) {
			n[pc] = min(n[behind], maxSegment-1) + 1
		}
	}
	return n
}

// transfers reports whether execution may go on elsewhere than behind the
// instruction.
func transfers(in ir.Insn) bool {
	switch in.Kind() {
	case ir.KindJump, ir.KindBranch, ir.KindExit, ir.KindMayGoto, ir.KindLoadPacket:
		return true
	case ir.KindCall:
		_, own := ours[abi.HelperID(in.Imm)]
		return in.Row().Pseudo == ir.CallLocal || own
	}
	return false
}

// jumps reports whether the operation is a jump with a distance.
func (op opcode) jumps() bool { return op >= opJump && op <= opJSLE32K }

// accessCase is what finds the case of a load or store.
type accessCase struct {
	kind   ir.Kind
	width  ir.Width
	src    ir.Source
	signed bool
	frame  bool // by r10, inside the frame
}
