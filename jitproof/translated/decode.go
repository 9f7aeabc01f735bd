package translated

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/wire"
)

// AX is the register that the kernel's rewriting uses beside those of programs
// (BPF_REG_AX).
const AX = ir.Reg(ir.NumRegs)

// Form says what the kernel's own in an instruction is.
type Form uint8

// The forms. Plain instructions mean what they mean in programs.
const (
	Plain    Form = iota
	Call          // of a kernel function, Imm bytes from __bpf_call_base (an OpCall of a helper)
	TailCall      // bpf_tail_call, which the JIT emits itself (an OpCall of helper 12)
	PerCPU        // dst = src + the processor's offset (an OpALU Mov)
	Nospec        // a barrier against speculation (an OpJump to what follows)
	Probe         // a load that gives 0 where it would fault or is not of kernel memory
)

var formNames = [...]string{"plain", "kernel call", "tail call", "per-CPU move", "barrier", "probing load"}

// String returns the form's name, such as "kernel call".
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// Program is a translated program.
type Program struct {
	// IR holds instructions and functions. References to maps hold the map's id in
	// the kernel; Maps is empty. Registers may be AX, so that IR.Check does not hold.
	IR    *ir.Program
	Forms map[ir.PC]Form // of what is not Plain
}

// Error says why slots are not understood.
type Error struct {
	PC     ir.PC
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("translated: decode slot %d: %s", e.PC, e.Reason) }

func refuse(pc ir.PC, format string, args ...any) error {
	return &Error{PC: pc, Reason: fmt.Sprintf(format, args...)}
}

// Opcodes and fields of the wire that only the kernel's own forms have.
const (
	opNospec  = 0xc2 // BPF_ST | BPF_NOSPEC
	opCall    = 0x85
	opMov64   = 0xbf
	opMov32   = 0xbc
	opLoadImm = 0x18
	offCast   = 1
	offPerCPU = -1
	immZext   = 1
)

// slot is an instruction slot with its fields taken apart.
type slot struct {
	code     byte
	dst, src ir.Reg
	off      int16
	imm      int32
}

func readSlot(b []byte) slot {
	x := binary.LittleEndian.Uint64(b)
	return slot{code: byte(x), dst: ir.Reg(x >> 8 & 0xf), src: ir.Reg(x >> 12 & 0xf), off: int16(x >> 16), imm: int32(x >> 32)}
}

func (s slot) bytes() []byte {
	x := uint64(s.code) | uint64(s.dst)<<8 | uint64(s.src)<<12 | uint64(uint16(s.off))<<16 | uint64(uint32(s.imm))<<32
	return binary.LittleEndian.AppendUint64(nil, x)
}

// Decode reads the slots of a translated program of that name. The error is an
// *Error.
func Decode(name string, slots []byte) (*Program, error) {
	if len(slots) == 0 || len(slots)%wire.SlotSize != 0 {
		return nil, refuse(ir.PC(len(slots)/wire.SlotSize), "%d bytes are no instructions", len(slots))
	}
	p := &Program{IR: &ir.Program{Name: name}, Forms: map[ir.PC]Form{}}
	d := decoder{p: p, funcs: map[int]ir.PC{0: 0}}
	for pc := ir.PC(0); int(pc) < len(slots)/wire.SlotSize; pc = p.IR.Slots() {
		if err := d.insn(pc, slots[int(pc)*wire.SlotSize:]); err != nil {
			return nil, err
		}
	}
	if err := d.functions(); err != nil {
		return nil, err
	}
	return p, d.targets()
}

// decoder is the state of one reading.
type decoder struct {
	p     *Program
	funcs map[int]ir.PC // by the kernel's number
}

func (d *decoder) add(f Form, insns ...ir.Insn) {
	if f != Plain {
		d.p.Forms[d.p.IR.Slots()] = f
	}
	d.p.IR.Insns = append(d.p.IR.Insns, insns...)
}

// insn reads the instruction at the beginning of raw.
func (d *decoder) insn(pc ir.PC, raw []byte) error {
	s := readSlot(raw)
	if s.dst > AX || s.src > AX {
		return refuse(pc, "register r%d does not exist", max(s.dst, s.src))
	}
	switch s.code {
	case opNospec:
		d.add(Nospec, ir.Insn{Op: ir.OpJump(false)})
		return nil
	case opCall:
		return d.call(pc, s)
	case opLoadImm:
		return d.loadImm(pc, s, raw)
	case opMov64:
		switch s.off {
		case offPerCPU:
			d.add(PerCPU, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: s.dst, Src: s.src})
			return nil
		case offCast:
			return refuse(pc, "cast between address spaces")
		}
	case opMov32:
		if s.imm == immZext { // a mark for other machines: the move itself clears the upper half
			s.imm = 0
		}
	}
	return d.plain(pc, s)
}

// plain reads an instruction as package wire does, but for AX, which it does
// not know.
func (d *decoder) plain(pc ir.PC, s slot) error {
	dst, src := s.dst, s.src
	if dst == AX {
		s.dst = ir.R0
	}
	if src == AX {
		s.src = ir.R0
	}
	insns, err := wire.Decode(s.bytes())
	var why *wire.Error
	if errors.As(err, &why) {
		return refuse(pc, "%s", why.Reason)
	}
	in := insns[0]
	uses := in.Row().Uses
	if dst == AX && uses&ir.UseDst == 0 || src == AX && uses&ir.UseSrc == 0 {
		return refuse(pc, "%v names a register that it does not use", in.Op)
	}
	switch in.Kind() {
	case ir.KindMayGoto, ir.KindLoadPacket, ir.KindCast:
		return refuse(pc, "%v is not left in translated programs", in.Op)
	}
	if dst == AX {
		in.Dst = AX
	}
	if src == AX {
		in.Src = AX
	}
	d.add(Plain, in)
	return nil
}

func (d *decoder) call(pc ir.PC, s slot) error {
	switch ir.Pseudo(s.src) {
	case ir.CallLocal: // off is the distance, imm the function's number
		if err := d.function(pc, int(s.imm), pc+1+ir.PC(s.off)); err != nil {
			return err
		}
		d.add(Plain, ir.Insn{Op: ir.OpCall(ir.CallLocal), Imm: int64(s.off)})
	case ir.CallHelper, ir.CallKfunc:
		in := ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(s.imm)}
		if s.imm == int32(abi.TailCall) && ir.Pseudo(s.src) == ir.CallHelper {
			d.add(TailCall, in)
		} else {
			d.add(Call, in)
		}
	default:
		return refuse(pc, "call of kind %d", s.src)
	}
	return nil
}

func (d *decoder) loadImm(pc ir.PC, s slot, raw []byte) error {
	if len(raw) < 2*wire.SlotSize {
		return refuse(pc, "64-bit load without its second slot")
	}
	next := readSlot(raw[wire.SlotSize:])
	if next.code != 0 || next.dst != 0 || next.src != 0 || next.off != 0 {
		return refuse(pc+1, "second slot of a 64-bit load holds an instruction")
	}
	if s.off != 0 || ir.Pseudo(s.src) == ir.PseudoMapFD && next.imm != 0 {
		return refuse(pc, "64-bit load with a field that it does not use")
	}
	in := ir.Insn{Op: ir.OpLoadImm(ir.Pseudo(s.src)), Dst: s.dst, Imm: int64(uint64(uint32(s.imm)) | uint64(uint32(next.imm))<<32)}
	switch ir.Pseudo(s.src) {
	case ir.PseudoNone, ir.PseudoMapFD, ir.PseudoMapValue:
	case ir.PseudoFunc: // the distance, and the function's number
		if err := d.function(pc, int(next.imm), pc+1+ir.PC(s.imm)); err != nil {
			return err
		}
		in.Imm = int64(s.imm)
	default:
		return refuse(pc, "64-bit load of kind %d", s.src)
	}
	d.add(Plain, in, ir.Pad())
	return nil
}

// function notes where the kernel's function i starts.
func (d *decoder) function(pc ir.PC, i int, start ir.PC) error {
	if at, ok := d.funcs[i]; ok && at != start {
		return refuse(pc, "function %d is at slot %d and at %d", i, at, start)
	}
	d.funcs[i] = start
	return nil
}

// functions lists the functions, which the kernel numbers in order of their
// place.
func (d *decoder) functions() error {
	for i := range len(d.funcs) {
		pc, ok := d.funcs[i]
		n := len(d.p.IR.Funcs)
		switch {
		case !ok:
			return refuse(0, "nothing tells where function %d starts", i)
		case pc < 0 || pc >= d.p.IR.Slots() || d.p.IR.Insns[pc].Op == ir.OpPad:
			return refuse(0, "function %d starts at slot %d, where no instruction is", i, pc)
		case n > 0 && pc <= d.p.IR.Funcs[n-1].PC:
			return refuse(pc, "functions are out of order")
		}
		name := d.p.IR.Name
		if i > 0 {
			name = fmt.Sprintf("sub_%d", pc)
		}
		d.p.IR.Funcs = append(d.p.IR.Funcs, ir.Func{Name: name, PC: pc})
	}
	return nil
}

// targets checks that jumps stay inside their function, and that no function
// runs out at its end.
func (d *decoder) targets() error {
	p := d.p.IR
	for pc, in := range p.All() {
		fn := p.FuncAt(pc)
		end := p.Slots()
		if fn+1 < len(p.Funcs) {
			end = p.Funcs[fn+1].PC
		}
		if next := pc + in.Row().Slots(); next >= end && in.FallsThrough() {
			return refuse(pc, "function %d runs out at its end", fn)
		}
		target, ok := in.Target(pc)
		if !ok || in.Kind() == ir.KindCall || in.Kind() == ir.KindLoadImm {
			continue
		}
		if target < p.Funcs[fn].PC || target >= end || p.Insns[target].Op == ir.OpPad {
			return refuse(pc, "jump to slot %d, which is no instruction of its function", target)
		}
	}
	return nil
}

// Named lists the PCs of the instructions that have a form, in order.
func (p *Program) Named(f Form) []ir.PC {
	var pcs []ir.PC
	for pc, g := range p.Forms {
		if g == f {
			pcs = append(pcs, pc)
		}
	}
	slices.Sort(pcs)
	return pcs
}
