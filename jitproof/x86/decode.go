package x86

import (
	"slices"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
)

// endbr reports whether code starts with endbr64, which x86asm does not know.
func endbr(code []byte) bool {
	return len(code) >= 4 && code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && code[3] == 0xfa
}

// prefixes are the legacy and REX prefixes of an instruction.
type prefixes struct {
	lock, data, rep, other bool
	cs                     bool // segment override that compilers pad nops with
	gs                     bool // segment override of per-processor data
	twice                  bool // a prefix is repeated
	rex                    byte // 0 if there is none
	late                   bool // a prefix follows the REX prefix, which voids it
	vex                    bool
	n                      int
}

func scan(code []byte) prefixes {
	var p prefixes
	for ; p.n < len(code); p.n++ {
		b := code[p.n]
		switch {
		case b == 0xf0:
			p.twice = p.twice || p.lock
			p.lock = true
		case b == 0x66:
			p.twice = p.twice || p.data
			p.data = true
		case b == 0xf3:
			p.twice = p.twice || p.rep
			p.rep = true
		case b == 0x2e:
			p.cs = true
		case b == 0x65:
			p.twice = p.twice || p.gs
			p.gs = true
		case b == 0xf2, b == 0x67, b == 0x36, b == 0x3e, b == 0x26, b == 0x64:
			p.other = true
		case b&0xf0 == 0x40:
			p.late = p.late || p.rex != 0
			p.rex = b
			continue
		default:
			p.vex = b == 0xc4 || b == 0xc5
			return p
		}
		p.late = p.late || p.rex != 0
	}
	return p
}

// Decode decodes the instruction at the beginning of code, which lies at
// offset off of its image. The error is an *UnsupportedError.
func Decode(code []byte, off int) (Inst, error) {
	if endbr(code) {
		return Inst{Off: off, Len: 4, Op: x86asm.NOP, Width: ir.W32, class: classNop}, nil
	}
	refuse := func(reason string) (Inst, error) {
		return Inst{}, &UnsupportedError{Off: off, Text: Text(code, off), Reason: reason}
	}
	raw, err := x86asm.Decode(code, 64)
	if err != nil || raw.Op == 0 || raw.Len <= 0 || raw.Len > 15 || raw.Len > len(code) {
		return refuse("not a decodable instruction")
	}
	in := Inst{Off: off, Len: raw.Len, Op: raw.Op}
	in.class, in.Cond = classOf(raw.Op)
	if in.class == classNone {
		return refuse("instruction is not modelled")
	}
	p := scan(code[:raw.Len])
	if reason := p.ambiguous(raw, in.class, code); reason != "" {
		return refuse(reason)
	}
	in.Lock = p.lock
	if in.class == classNop {
		in.Width = ir.W32
		return in, nil
	}
	if reason := in.operands(raw); reason != "" {
		return refuse(reason)
	}
	if p.gs && !slices.ContainsFunc(in.Args[:], func(a Arg) bool { return a.Kind == ArgMem && a.Mem.GS }) {
		return refuse("segment override without effect")
	}
	if reason := in.shape(p); reason != "" {
		return refuse(reason)
	}
	return in, nil
}

// ambiguous says why the prefixes leave room for doubt, "" if they do not.
func (p prefixes) ambiguous(raw x86asm.Inst, c class, code []byte) string {
	if c == classNop {
		return p.ambiguousNop(raw.Op)
	}
	if p.vex {
		return p.ambiguousVEX(raw, code)
	}
	switch {
	case p.other || p.rep || p.cs:
		return "prefix is not modelled"
	case p.late || p.twice:
		return "prefixes are redundant or out of order"
	case p.data && p.rex&8 != 0:
		return "operand size prefix and REX.W together"
	case c == classShiftX:
		return "shift without VEX prefix"
	}
	switch c {
	case classJump, classBranch, classCall, classRet, classTrap, classLeave:
		if p.data || p.rex&8 != 0 {
			return "operand size of a control transfer is not modelled"
		}
	case classPush, classPop:
		if p.data {
			return "16-bit stack access is not modelled"
		}
	}
	return ""
}

// ambiguousNop accepts nop with the padding prefixes of compilers, pause, and
// fences without any prefix.
func (p prefixes) ambiguousNop(op x86asm.Op) string {
	ok := p.n == 0
	switch op {
	case x86asm.NOP:
		ok = !p.lock && !p.rep && !p.other && !p.gs && !p.late && !p.vex
	case x86asm.PAUSE:
		ok = p.n == 1 && p.rep
	}
	if !ok {
		return "prefix is not modelled"
	}
	return ""
}

// ambiguousVEX accepts the BMI2 shifts and rotate, in their three-byte form
// with vector length 0, and where they have no second source register, with
// the field for it unused.
func (p prefixes) ambiguousVEX(raw x86asm.Inst, code []byte) string {
	switch {
	case raw.Op != x86asm.SHLX && raw.Op != x86asm.SHRX && raw.Op != x86asm.SARX && raw.Op != x86asm.RORX:
		return "VEX instruction is not modelled"
	case p.n != 0 || code[0] != 0xc4:
		return "prefix before VEX, or two-byte VEX"
	case code[2]&4 != 0:
		return "VEX.L is set"
	case raw.Op == x86asm.RORX && code[2]&0x78 != 0x78:
		return "VEX.vvvv is not unused"
	}
	return ""
}

// operands converts x86asm's operands and finds the width of the operation.
func (in *Inst) operands(raw x86asm.Inst) string {
	n := 0
	for _, a := range raw.Args {
		if a == nil {
			break
		}
		if rel, ok := a.(x86asm.Rel); ok {
			in.Target = in.End() + int(rel)
			continue
		}
		if n == len(in.Args) {
			return "too many operands"
		}
		arg, reason := operand(a, raw)
		if reason != "" {
			return reason
		}
		in.Args[n] = arg
		n++
	}
	in.Width = in.Args[0].Width
	return ""
}

func operand(a x86asm.Arg, raw x86asm.Inst) (Arg, string) {
	switch a := a.(type) {
	case x86asm.Reg:
		return register(a)
	case x86asm.Imm:
		return Arg{Kind: ArgImm, Imm: uint64(int64(a))}, ""
	case x86asm.Mem:
		return memory(a, raw)
	}
	return Arg{}, "operand kind is not modelled"
}

func register(r x86asm.Reg) (Arg, string) {
	arg := Arg{Kind: ArgReg}
	switch {
	case r >= x86asm.AL && r <= x86asm.BL:
		arg.Reg, arg.Width = Reg(r-x86asm.AL), ir.W8
	case r >= x86asm.AH && r <= x86asm.BH:
		arg.Reg, arg.Width, arg.High = Reg(r-x86asm.AH), ir.W8, true
	case r >= x86asm.SPB && r <= x86asm.R15B:
		arg.Reg, arg.Width = RSP+Reg(r-x86asm.SPB), ir.W8
	case r >= x86asm.AX && r <= x86asm.R15W:
		arg.Reg, arg.Width = Reg(r-x86asm.AX), ir.W16
	case r >= x86asm.EAX && r <= x86asm.R15L:
		arg.Reg, arg.Width = Reg(r-x86asm.EAX), ir.W32
	case r >= x86asm.RAX && r <= x86asm.R15:
		arg.Reg, arg.Width = Reg(r-x86asm.RAX), ir.W64
	default:
		return arg, "register is not a general one"
	}
	return arg, ""
}

func memory(m x86asm.Mem, raw x86asm.Inst) (Arg, string) {
	// x86asm gives 32-bit displacements without their sign, 8-bit ones with it.
	arg := Arg{Kind: ArgMem, Width: ir.Width(8 * raw.MemBytes), Mem: Mem{Scale: 1, Disp: int64(int32(m.Disp))}}
	if m.Segment != 0 && m.Segment != x86asm.GS {
		return arg, "segment override is not modelled"
	}
	arg.Mem.GS = m.Segment == x86asm.GS
	if raw.MemBytes > 8 {
		return arg, "memory operand is wider than 8 bytes"
	}
	if m.Base != 0 {
		if m.Base < x86asm.RAX || m.Base > x86asm.R15 {
			return arg, "base of the address is not a 64-bit general register"
		}
		arg.Mem.Base, arg.Mem.HasBase = Reg(m.Base-x86asm.RAX), true
	}
	if m.Index != 0 && m.Scale != 0 {
		if m.Index < x86asm.RAX || m.Index > x86asm.R15 || m.Index == x86asm.RSP {
			return arg, "index of the address is not a 64-bit general register"
		}
		arg.Mem.Index, arg.Mem.HasIndex, arg.Mem.Scale = Reg(m.Index-x86asm.RAX), true, m.Scale
	}
	if absolute := !arg.Mem.HasBase && !arg.Mem.HasIndex; absolute != arg.Mem.GS {
		return arg, "absolute address without gs, or gs with another, is not modelled"
	}
	return arg, ""
}
