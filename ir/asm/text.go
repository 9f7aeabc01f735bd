package asm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// Insn returns the instruction at pc as text, as [Print] writes it, with
// targets as distances: "goto pc+3". For a slot outside the program, the
// second slot of a 64-bit load and an instruction with no meaning it returns a
// description in parentheses, which Parse refuses.
func Insn(p *ir.Program, pc ir.PC) string {
	if pc < 0 || pc >= p.Slots() {
		return "(outside the program)"
	}
	if p.Insns[pc].Op == ir.OpPad {
		return "(second slot)"
	}
	if err := p.Insns[pc].Check(pc); err != nil {
		return "(" + err.(*ir.FormError).Reason + ")"
	}
	return newNames(p).insn(pc)
}

var aluSigns = [...]string{ir.Add: "+=", ir.Sub: "-=", ir.Mul: "*=", ir.Div: "/=", ir.SDiv: "s/=", ir.Or: "|=", ir.And: "&=",
	ir.Lsh: "<<=", ir.Rsh: ">>=", ir.Arsh: "s>>=", ir.Mod: "%=", ir.SMod: "s%=", ir.Xor: "^=", ir.Mov: "="}

var cmpSigns = [...]string{ir.JEQ: "==", ir.JNE: "!=", ir.JGT: ">", ir.JGE: ">=", ir.JLT: "<", ir.JLE: "<=", ir.JSET: "&",
	ir.JSGT: "s>", ir.JSGE: "s>=", ir.JSLT: "s<", ir.JSLE: "s<="}

var atomicSigns = [...]string{ir.AtomicAdd: "+=", ir.AtomicOr: "|=", ir.AtomicAnd: "&=", ir.AtomicXor: "^="}

// names knows what a program's numbers are called.
type names struct {
	p      *ir.Program
	labels map[ir.PC]string // of jump targets; nil means distances
	funcs  map[ir.PC]string // of functions that a call may name
	shadow map[string]bool  // labels that would be taken for a helper's name
}

func newNames(p *ir.Program) *names { return &names{p: p} }

// reg returns the register's name in an operation of w bits.
func reg(r ir.Reg, w ir.Width) string {
	if w == ir.W32 {
		return "w" + strconv.Itoa(int(r))
	}
	return r.String()
}

// insn returns the text of the instruction at pc, which is well-formed.
func (n *names) insn(pc ir.PC) string {
	in := n.p.Insns[pc]
	row := in.Row()
	switch row.Kind {
	case ir.KindALU:
		return alu(in)
	case ir.KindSwap:
		return fmt.Sprintf("%v = %v%d %v", in.Dst, row.Swap, row.Width, in.Dst)
	case ir.KindCast:
		return fmt.Sprintf("%v = addr_space_cast(%v, %d, %d)", in.Dst, in.Src, row.FixImm>>16, row.FixImm&0xffff)
	case ir.KindLoadImm:
		return fmt.Sprintf("%v = %s", in.Dst, n.constant(in, pc))
	case ir.KindLoad:
		sign := 'u'
		if row.Signed {
			sign = 's'
		}
		return fmt.Sprintf("%v = *(%c%d *)(%s)", in.Dst, sign, row.Width, place(in.Src, in.Off))
	case ir.KindStore:
		return fmt.Sprintf("*(u%d *)(%s) = %s", row.Width, place(in.Dst, in.Off), operand(in, ir.W64))
	case ir.KindAtomic:
		return atomic(in)
	case ir.KindLoadAcquire:
		return fmt.Sprintf("%v = load_acquire((u%d *)(%s))", in.Dst, row.Width, place(in.Src, in.Off))
	case ir.KindStoreRelease:
		return fmt.Sprintf("store_release((u%d *)(%s), %v)", row.Width, place(in.Dst, in.Off), in.Src)
	case ir.KindLoadPacket:
		return fmt.Sprintf("r0 = *(u%d *)skb[%s]", row.Width, packetPlace(in))
	case ir.KindBranch:
		return fmt.Sprintf("if %s %s %s goto %s", reg(in.Dst, row.Width), cmpSigns[row.Cmp], operand(in, row.Width), n.target(in, pc))
	case ir.KindJump, ir.KindMayGoto:
		return row.Name + " " + n.target(in, pc)
	case ir.KindCall:
		return n.call(in, pc)
	}
	return row.Name // exit
}

func alu(in ir.Insn) string {
	row := in.Row()
	dst := reg(in.Dst, row.Width)
	if row.ALU == ir.Neg {
		return fmt.Sprintf("%s = -%s", dst, dst)
	}
	if from := row.ALU.MovSX(); from != 0 {
		return fmt.Sprintf("%s = (s%d)%s", dst, from, reg(in.Src, row.Width))
	}
	return fmt.Sprintf("%s %s %s", dst, aluSigns[row.ALU], operand(in, row.Width))
}

// operand returns the second operand.
func operand(in ir.Insn, w ir.Width) string {
	if in.Row().Src == ir.X {
		return reg(in.Src, w)
	}
	return strconv.FormatInt(in.Imm, 10)
}

// place returns "r1 + 8".
func place(base ir.Reg, off int16) string {
	if off < 0 {
		return fmt.Sprintf("%v - %d", base, -int(off))
	}
	return fmt.Sprintf("%v + %d", base, off)
}

func packetPlace(in ir.Insn) string {
	switch {
	case !in.Row().Indirect:
		return strconv.FormatInt(in.Imm, 10)
	case in.Imm < 0:
		return fmt.Sprintf("%v - %d", in.Src, -in.Imm)
	}
	return fmt.Sprintf("%v + %d", in.Src, in.Imm)
}

func atomic(in ir.Insn) string {
	row := in.Row()
	src, at := reg(in.Src, row.Width), place(in.Dst, in.Off)
	word := map[ir.Width]string{ir.W32: "32_32", ir.W64: "_64"}[row.Width]
	switch {
	case row.Atomic == ir.AtomicXchg:
		return fmt.Sprintf("%s = xchg%s(%s, %s)", src, word, at, src)
	case row.Atomic == ir.AtomicCmpXchg:
		r0 := reg(ir.R0, row.Width)
		return fmt.Sprintf("%s = cmpxchg%s(%s, %s, %s)", r0, word, at, r0, src)
	case row.Fetch:
		return fmt.Sprintf("%s = atomic_fetch_%v((u%d *)(%s), %s)", src, row.Atomic, row.Width, at, src)
	}
	return fmt.Sprintf("lock *(u%d *)(%s) %s %s", row.Width, at, atomicSigns[row.Atomic], src)
}

// target returns where an instruction at pc leads: a label, or a distance.
func (n *names) target(in ir.Insn, pc ir.PC) string {
	distance := int64(in.Off)
	if in.Row().Uses&ir.UseOff == 0 {
		distance = in.Imm
	}
	if to := int64(pc) + 1 + distance; to >= 0 && to < int64(n.p.Slots()) {
		if label, ok := n.labels[ir.PC(to)]; ok && !called(in) {
			return label
		}
		if name, ok := n.funcs[ir.PC(to)]; ok && called(in) {
			return name
		}
	}
	return fmt.Sprintf("pc%+d", distance)
}

// called reports whether the target of in is a function rather than a block.
func called(in ir.Insn) bool { return in.Kind() == ir.KindCall || in.Kind() == ir.KindLoadImm }

func (n *names) call(in ir.Insn, pc ir.PC) string {
	switch in.Row().Pseudo {
	case ir.CallLocal:
		return "call " + n.target(in, pc)
	case ir.CallX:
		return "callx " + in.Dst.String()
	case ir.CallKfunc:
		if in.Off != 0 {
			return fmt.Sprintf("call kfunc[%d, %d]", in.Imm, in.Off)
		}
		return fmt.Sprintf("call kfunc[%d]", in.Imm)
	}
	if h, ok := abi.LookupHelper(abi.HelperID(in.Imm)); ok && !n.shadow[h.Name] {
		return "call " + h.Name
	}
	return fmt.Sprintf("call %d", in.Imm)
}

// constant returns what a 64-bit load loads.
func (n *names) constant(in ir.Insn, pc ir.PC) string {
	switch in.Row().Pseudo {
	case ir.PseudoMapFD:
		return "map[" + n.mapName(in) + "]"
	case ir.PseudoMapIdx:
		return "map_idx[" + n.mapName(in) + "]"
	case ir.PseudoMapValue:
		return fmt.Sprintf("map[%s] + %d", n.mapName(in), uint32(in.Imm>>32))
	case ir.PseudoMapIdxV:
		return fmt.Sprintf("map_idx[%s] + %d", n.mapName(in), uint32(in.Imm>>32))
	case ir.PseudoFunc:
		return "func[" + n.target(in, pc) + "]"
	case ir.PseudoBTFVar:
		return fmt.Sprintf("btf_var[%#x]", uint64(in.Imm))
	}
	return fmt.Sprintf("%#x ll", uint64(in.Imm))
}

// mapName returns the name of the map that in refers to, or its number where
// the program has no such map or an earlier one of that name.
func (n *names) mapName(in ir.Insn) string {
	i, _, _ := in.Map()
	if i < 0 || i >= len(n.p.Maps) || n.p.Maps[i].Name == "" {
		return strconv.FormatUint(uint64(uint32(i)), 10)
	}
	for _, m := range n.p.Maps[:i] {
		if m.Name == n.p.Maps[i].Name {
			return strconv.Itoa(i)
		}
	}
	return quote(n.p.Maps[i].Name)
}

// quote returns s as the assembler reads it: bare if it is a name that cannot
// be taken for something else.
func quote(s string) string {
	bare := s != "" && isNameStart(s[0]) && !strings.HasPrefix(s, "s/") && s != "pc"
	for i := 0; i < len(s); i++ {
		bare = bare && isNamePart(s[i])
	}
	if bare {
		return s
	}
	return strconv.Quote(s)
}
