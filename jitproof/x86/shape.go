package x86

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
)

// shape checks that the operands are what the instruction takes, with widths
// that agree, so that Step needs no further case; it says why not otherwise.
func (in *Inst) shape(p prefixes) string {
	if in.Lock && (!lockable[in.Op] || in.Args[0].Kind != ArgMem) {
		return "lock prefix on an instruction that has none"
	}
	a, b, c := in.Args[0], in.Args[1], in.Args[2]
	switch in.class {
	case classMov, classArith, classXadd, classXchg, classCmpxchg, classCmov:
		return in.pair(a, b, c)
	case classUnary, classDiv, classMul, classIMul, classBSwap, classSet:
		return in.single(a, b, c)
	case classMovExtend:
		if a.Kind != ArgReg || b.Width >= a.Width || in.Op == x86asm.MOVSXD && p.rex&8 == 0 {
			return "operands of the extending move are not modelled"
		}
	case classMovBE:
		if a.Width == 0 {
			a.Width = b.Width
		}
		if a.Width != b.Width || a.Width < ir.W16 {
			return "operand widths differ"
		}
	case classLea:
		if a.Kind != ArgReg || b.Kind != ArgMem || b.Mem.GS || a.Width < ir.W32 {
			return "operands of lea are not modelled"
		}
	case classShift:
		if c.Kind != NoArg || !(b.Kind == ArgImm || b.Kind == ArgReg && b.Reg == RCX && b.Width == ir.W8 && !b.High) {
			return "shift operands are not modelled"
		}
	case classShiftX:
		if c.Kind == ArgReg && c.Width != a.Width || b.Width != a.Width || c.Kind == NoArg {
			return "operand widths differ"
		}
	}
	return in.transfers(p)
}

func (in *Inst) pair(a, b, c Arg) string {
	switch {
	case c.Kind != NoArg || b.Kind == NoArg || a.Kind == ArgImm:
		return "operands are not modelled"
	case b.Kind != ArgImm && a.Width != b.Width:
		return "operand widths differ"
	case a.Width == 0:
		return "operand width is not known"
	case a.Kind == ArgMem && b.Kind == ArgMem:
		return "two memory operands"
	case a.Kind == ArgReg && in.class == classCmpxchg:
		return "cmpxchg of a register is not modelled: processors differ in its upper half"
	case b.Kind == ArgMem && (in.class == classXadd || in.class == classCmpxchg):
		return "destination is not first"
	}
	return ""
}

func (in *Inst) single(a, b, c Arg) string {
	switch in.class {
	case classIMul:
		return in.imul(a, b, c)
	case classBSwap:
		if a.Kind != ArgReg || a.Width < ir.W32 {
			return "bswap of fewer than 32 bits is undefined"
		}
	case classMul, classDiv:
		if a.Width < ir.W32 {
			return "operand width is not modelled"
		}
	case classSet:
		if a.Width != ir.W8 {
			return "operand width is not modelled"
		}
	}
	if a.Kind == NoArg || a.Kind == ArgImm || b.Kind != NoArg || a.Width == 0 {
		return "operands are not modelled"
	}
	return ""
}

func (in *Inst) imul(a, b, c Arg) string {
	switch {
	case b.Kind == NoArg:
		if a.Width < ir.W32 || a.Kind == NoArg || a.Kind == ArgImm {
			return "operand width is not modelled"
		}
	case a.Kind != ArgReg || b.Width != a.Width || b.Kind == ArgImm:
		return "operands are not modelled"
	case c.Kind != NoArg && c.Kind != ArgImm:
		return "operands are not modelled"
	}
	return ""
}

// transfers checks stack accesses and control transfers.
func (in *Inst) transfers(p prefixes) string {
	a := in.Args[0]
	switch in.class {
	case classPush, classPop:
		in.Width = ir.W64
		if a.Kind != ArgImm && a.Width != ir.W64 || in.class == classPop && a.Kind == ArgImm || a.Kind == NoArg {
			return "stack operand is not 64 bits wide"
		}
	case classRet:
		if a.Kind != NoArg {
			return "return that pops arguments is not modelled"
		}
	case classLeave:
		in.Width = ir.W64
	case classJump, classCall:
		in.Width = ir.W64
		if a.Kind != NoArg && (a.Kind == ArgImm || a.Width != ir.W64) {
			return "far transfer is not modelled"
		}
	}
	return ""
}
