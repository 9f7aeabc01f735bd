package vm

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// decoder turns instructions into the main loop's form.
type decoder struct {
	prog  *Program
	index map[abi.HelperID]int32 // helpers' places in prog.helpers
}

// decode fills the program's code: instructions keep their PC, so the code of
// a 64-bit load's second slot is never reached.
func (d *decoder) decode() error {
	p := d.prog
	p.segment, p.frames = segments(p.ir), frameNeeds(p.ir)
	p.plain, p.callable = make([]insn, len(p.ir.Insns)), make([]bool, len(p.ir.Insns))
	for pc, in := range p.ir.All() {
		if err := d.insn(pc, in, &p.plain[pc]); err != nil {
			return err
		}
	}
	p.code = fuse(p.ir, p.plain)
	return nil
}

func unsupported(pc ir.PC, op ir.Op, reason string) error {
	return &UnsupportedError{PC: pc, Op: op, Reason: reason}
}

func (d *decoder) insn(pc ir.PC, in ir.Insn, out *insn) error {
	row := in.Row()
	*out = insn{dst: uint8(in.Dst), src: uint8(in.Src), off: int32(in.Off), imm: int32(in.Imm)}
	if in.WritesFP() { // code that no run comes to may hold such an instruction
		out.op, out.aux = opSlow, slowForbidden
		return nil
	}
	switch row.Kind {
	case ir.KindALU:
		d.alu(in, out)
	case ir.KindSwap:
		out.op = swapCases[swapCase{row.Swap, row.Width}]
	case ir.KindLoadImm:
		return d.loadImm(pc, in, out)
	case ir.KindLoad, ir.KindStore:
		out.op = accessCases[accessCase{row.Kind, row.Width, row.Src, row.Signed, byFrame(in)}]
	case ir.KindAtomic, ir.KindLoadAcquire, ir.KindStoreRelease:
		out.op, out.aux, out.hi = opSlow, slowIndex[row.Kind], uint32(row.Width.Bytes())
	case ir.KindJump:
		d.jump(pc, in, out, opJump)
	case ir.KindBranch:
		d.jump(pc, in, out, jumpCases[jumpCase{row.Cmp, row.Width, row.Src}])
	case ir.KindCall:
		return d.call(pc, in, out)
	default:
		return d.control(pc, in, out)
	}
	return nil
}

// control decodes what may go on elsewhere than behind, but for jumps.
func (d *decoder) control(pc ir.PC, in ir.Insn, out *insn) error {
	out.op = opControl
	switch in.Kind() {
	case ir.KindExit:
		out.op = opExit
	case ir.KindMayGoto:
		target, _ := in.Target(pc)
		out.aux, out.imm = controlMayGoto, int32(target)
	case ir.KindLoadPacket:
		switch d.prog.ir.Type {
		case ir.SocketFilter, ir.SchedCLS, ir.SchedACT:
		default:
			return unsupported(pc, in.Op, "programs of this type have no socket buffer")
		}
		out.aux, out.hi = controlLoadPacket, uint32(in.Row().Width.Bytes())
	case ir.KindCast:
		return unsupported(pc, in.Op, "there are no arenas, whose pointers it converts")
	default:
		return unsupported(pc, in.Op, "not executed by the interpreter")
	}
	return nil
}

func (d *decoder) alu(in ir.Insn, out *insn) {
	row := in.Row()
	if op, ok := aluCases[aluCase{row.ALU, row.Width, row.Src}]; ok {
		out.op = op
		return
	}
	if op, ok := oneCases[oneCase{row.ALU, row.Width}]; ok {
		out.op = op
		return
	}
	out.op, out.aux = opPureX, pureIndex[oneCase{row.ALU, row.Width}]
	if row.Src == ir.K {
		out.op = opPureK
	}
}

// oneCase is an operation apart from where its operand comes from.
type oneCase struct {
	op    ir.ALUOp
	width ir.Width
}

var oneCases = map[oneCase]opcode{
	{ir.Neg, ir.W64}: opNeg64, {ir.Neg, ir.W32}: opNeg32,
	{ir.MovSX8, ir.W64}: opMovSX8_64, {ir.MovSX16, ir.W64}: opMovSX16_64, {ir.MovSX32, ir.W64}: opMovSX32_64,
	{ir.MovSX8, ir.W32}: opMovSX8_32, {ir.MovSX16, ir.W32}: opMovSX16_32,
}

type swapCase struct {
	op    ir.SwapOp
	width ir.Width
}

var swapCases = map[swapCase]opcode{
	{ir.ToLE, ir.W16}: opLow16, {ir.ToLE, ir.W32}: opLow32, {ir.ToLE, ir.W64}: opLow64,
	{ir.ToBE, ir.W16}: opSwap16, {ir.ToBE, ir.W32}: opSwap32, {ir.ToBE, ir.W64}: opSwap64,
	{ir.BSwap, ir.W16}: opSwap16, {ir.BSwap, ir.W32}: opSwap32, {ir.BSwap, ir.W64}: opSwap64,
}

// byFrame reports whether the access is by r10 and inside the frame whatever
// the program does.
func byFrame(in ir.Insn) bool {
	base := in.Src
	if in.Kind() == ir.KindStore {
		base = in.Dst
	}
	return base == ir.FP && !in.Row().Signed && fixedFrame(in)
}

// jump sets how far a jump leads and what either way costs.
func (d *decoder) jump(pc ir.PC, in ir.Insn, out *insn, op opcode) {
	target, _ := in.Target(pc)
	out.op, out.off = op, int32(target-pc)*int32(insnBytes)
	out.hi = uint32(d.prog.segment[target])
	if op != opJump {
		out.hi |= uint32(d.prog.segment[pc+1]) << 16
	}
}

// loadImm replaces references to maps and functions by numbers.
func (d *decoder) loadImm(pc ir.PC, in ir.Insn, out *insn) error {
	x, err := d.wide(pc, in)
	out.op, out.imm, out.hi = opWide, int32(x), uint32(x>>32)
	return err
}

func (d *decoder) wide(pc ir.PC, in ir.Insn) (uint64, error) {
	index, off, ok := in.Map()
	switch pseudo := in.Row().Pseudo; {
	case pseudo == ir.PseudoNone:
		return uint64(in.Imm), nil
	case pseudo == ir.PseudoFunc:
		target, _ := in.Target(pc)
		d.prog.callable[target] = true
		return abi.FuncRef(target), nil
	case !ok:
		return 0, unsupported(pc, in.Op, "not executed by the interpreter")
	case pseudo == ir.PseudoMapFD || pseudo == ir.PseudoMapIdx:
		return d.prog.maps[index].Handle(), nil
	}
	m := d.prog.maps[index]
	kind, known := abi.LookupMapKind(m.Spec().Type)
	switch {
	case !known || !kind.Direct || m.Spec().MaxEntries != 1:
		return 0, unsupported(pc, in.Op, "only arrays of one element have addresses")
	case off >= m.Spec().ValueSize:
		return 0, unsupported(pc, in.Op, "offset is outside the value")
	}
	return m.Region().Base + uint64(off), nil
}

// ours are the helpers that the interpreter itself carries out, because they
// call the program or leave it.
var ours = map[abi.HelperID]uint8{abi.TailCall: controlTailCall, abi.Loop: controlLoop, abi.ForEachMapElem: controlForEach, abi.UserRingbufDrain: controlDrain}

func (d *decoder) call(pc ir.PC, in ir.Insn, out *insn) error {
	switch in.Row().Pseudo {
	case ir.CallLocal:
		target, _ := in.Target(pc)
		out.op, out.imm = opCall, int32(target)
		return nil
	case ir.CallHelper:
		return d.helper(pc, abi.HelperID(in.Imm), out)
	}
	return unsupported(pc, in.Op, "not executed by the interpreter")
}

func (d *decoder) helper(pc ir.PC, id abi.HelperID, out *insn) error {
	at, ok := d.index[id]
	if !ok {
		f, found := d.prog.opts.Helper(id)
		if aux, own := ours[id]; own && !found {
			out.op, out.aux = opControl, aux
			return nil
		}
		if !found {
			return &helpers.MissingError{PC: pc, ID: id}
		}
		at = int32(len(d.prog.helpers))
		d.prog.helpers = append(d.prog.helpers, f)
		d.index[id] = at
	}
	out.op, out.aux, out.imm = opSlow, slowHelper, at
	return nil
}
