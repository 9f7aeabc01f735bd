package vm

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// decoder turns instructions into the main loop's form.
type decoder struct {
	prog  *Program
	index map[abi.HelperID]uint64 // helpers' places in prog.helpers
}

func (d *decoder) decode() error {
	d.prog.code = make([]insn, len(d.prog.ir.Insns))
	for pc, in := range d.prog.ir.All() {
		out := &d.prog.code[pc]
		if err := d.insn(pc, in, out); err != nil {
			return err
		}
	}
	return nil
}

func unsupported(pc ir.PC, op ir.Op, reason string) error {
	return &UnsupportedError{PC: pc, Op: op, Reason: reason}
}

// insn decodes one instruction. Operations keep their PC, so the code of a
// 64-bit load's second slot is never reached.
func (d *decoder) insn(pc ir.PC, in ir.Insn, out *insn) error {
	row := in.Row()
	*out = insn{dst: uint8(in.Dst), src: zero, next: int32(pc + row.Slots()), mask: ^uint64(0)}
	if writes(in) == ir.FP {
		return unsupported(pc, in.Op, "r10 is read-only")
	}
	switch row.Kind {
	case ir.KindALU:
		d.alu(in, out)
	case ir.KindSwap:
		out.op, out.off = opPure, pureIndex[pureOp{swap: row.Swap, width: row.Width}]
	case ir.KindLoadImm:
		return d.loadImm(pc, in, out)
	case ir.KindLoad, ir.KindStore, ir.KindAtomic, ir.KindLoadAcquire, ir.KindStoreRelease:
		d.memory(in, out)
	case ir.KindJump:
		target, _ := in.Target(pc)
		out.op, out.off = opJump, int32(target)
	case ir.KindBranch:
		d.branch(pc, in, out)
	case ir.KindCall:
		return d.call(pc, in, out)
	case ir.KindExit:
		out.op, out.off = opSlow, slowExit
	default:
		return unsupported(pc, in.Op, "not executed by the interpreter")
	}
	return nil
}

// writes returns the register that an instruction's table row writes, 0 for
// none: only r10 matters here.
func writes(in ir.Insn) ir.Reg {
	row := in.Row()
	switch row.Kind {
	case ir.KindALU, ir.KindSwap, ir.KindLoadImm, ir.KindLoad, ir.KindLoadAcquire, ir.KindCast:
		return in.Dst
	case ir.KindAtomic:
		if row.Fetch && row.Atomic != ir.AtomicCmpXchg {
			return in.Src
		}
	}
	return 0
}

// operand sets the second operand.
func operand(in ir.Insn, out *insn) {
	switch in.Row().Src {
	case ir.K:
		out.imm = uint64(in.Imm)
	case ir.X:
		out.src = uint8(in.Src)
	}
}

var loopOps = map[ir.ALUOp]opcode{ir.Add: opAdd, ir.Sub: opSub, ir.Mul: opMul, ir.Or: opOr, ir.And: opAnd, ir.Xor: opXor,
	ir.Mov: opMov, ir.Lsh: opLsh, ir.Rsh: opRsh, ir.Arsh: opArsh}

func (d *decoder) alu(in ir.Insn, out *insn) {
	row := in.Row()
	operand(in, out)
	op, ok := loopOps[row.ALU]
	if !ok {
		out.op, out.off = opPure, pureIndex[pureOp{alu: row.ALU, width: row.Width}]
		return
	}
	out.op, out.shift, out.mask = op, uint8(64-row.Width), row.Width.Mask()
}

// compares gives each comparison its case, and whether the case decides the
// opposite.
var compares = map[ir.CmpOp]struct {
	op       opcode
	opposite bool
}{
	ir.JEQ: {opJEQ, false}, ir.JNE: {opJEQ, true}, ir.JSET: {opJSET, false},
	ir.JGT: {opJGT, false}, ir.JLE: {opJGT, true}, ir.JGE: {opJGE, false}, ir.JLT: {opJGE, true},
	ir.JSGT: {opJSGT, false}, ir.JSLE: {opJSGT, true}, ir.JSGE: {opJSGE, false}, ir.JSLT: {opJSGE, true},
}

func (d *decoder) branch(pc ir.PC, in ir.Insn, out *insn) {
	operand(in, out)
	target, _ := in.Target(pc)
	c := compares[in.Row().Cmp]
	out.op, out.off, out.shift = c.op, int32(target), uint8(64-in.Row().Width)
	if c.opposite {
		out.off, out.next = out.next, out.off
	}
}

func (d *decoder) memory(in ir.Insn, out *insn) {
	row := in.Row()
	out.shift = uint8(row.Width.Bytes())
	switch row.Kind {
	case ir.KindLoad:
		out.op, out.src, out.imm = opLoad, uint8(in.Src), uint64(int64(in.Off))
		if row.Signed {
			out.op, out.off = opSlow, slowLoadSigned
		}
		return
	case ir.KindStore:
		operand(in, out)
		out.op, out.off = opStore, int32(in.Off)
		return
	case ir.KindLoadAcquire:
		out.off = slowLoadAcquire
	case ir.KindStoreRelease:
		out.off = slowStoreRelease
	case ir.KindAtomic:
		out.off = slowAtomic
	}
	out.op, out.src, out.imm = opSlow, uint8(in.Src), uint64(int64(in.Off))
}

// loadImm replaces references to maps by handles and addresses.
func (d *decoder) loadImm(pc ir.PC, in ir.Insn, out *insn) error {
	out.op = opMov
	index, off, ok := in.Map()
	switch pseudo := in.Row().Pseudo; {
	case pseudo == ir.PseudoNone:
		out.imm = uint64(in.Imm)
	case !ok:
		return unsupported(pc, in.Op, "not executed by the interpreter")
	case pseudo == ir.PseudoMapFD || pseudo == ir.PseudoMapIdx:
		out.imm = d.prog.maps[index].Handle()
	default:
		m := d.prog.maps[index]
		kind, known := abi.LookupMapKind(m.Spec().Type)
		switch {
		case !known || !kind.Direct || m.Spec().MaxEntries != 1:
			return unsupported(pc, in.Op, "only arrays of one element have addresses")
		case off >= m.Spec().ValueSize:
			return unsupported(pc, in.Op, "offset is outside the value")
		}
		out.imm = m.Region().Base + uint64(off)
	}
	return nil
}

func (d *decoder) call(pc ir.PC, in ir.Insn, out *insn) error {
	out.op = opSlow
	switch in.Row().Pseudo {
	case ir.CallLocal:
		target, _ := in.Target(pc)
		out.off, out.mask = slowCall, uint64(target)
		return nil
	case ir.CallHelper:
		id := abi.HelperID(in.Imm)
		at, ok := d.index[id]
		if !ok {
			f, found := d.prog.opts.Helper(id)
			if !found {
				return &helpers.MissingError{PC: pc, ID: id}
			}
			at = uint64(len(d.prog.helpers))
			d.prog.helpers = append(d.prog.helpers, f)
			d.index[id] = at
		}
		out.off, out.mask = slowHelper, at
		return nil
	}
	return unsupported(pc, in.Op, "not executed by the interpreter")
}
