package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// rule is what an obligation demands.
type rule uint8

const (
	ruleModelled rule = iota // the verifier knows the construct
	ruleRead                 // reg was written
	ruleWrite                // reg may be written
	ruleOperand              // the immediate is allowed for the operation
	ruleArith                // reg op= other is allowed for what they hold
	ruleLeak                 // other's content may be stored behind reg
	ruleAccess               // the memory at reg + off may be accessed
	ruleSame                 // reg is the kind of pointer that it was on other paths
	ruleCompare              // reg may be compared with other
	ruleMapRef               // the reference to a map or a function is allowed
	ruleHelper               // the helper may be called from this program
	ruleArg                  // reg is what the helper's argument demands
	ruleFrame                // one more frame is allowed, or the global function takes the arguments
	ruleReturn               // r0 may be returned
	ruleSkb                  // r6 holds the context for LD_ABS and LD_IND
	ruleHeld                 // nothing is held that would be lost
)

// mode tells how memory is accessed.
type mode uint8

const (
	read   mode = 1 << iota
	write       // by a store
	atomic      // read and written at once
)

// noReg stands for no register.
const noReg ir.Reg = 0xff

// obligation is one thing that must hold before an instruction may run.
// Fields that the rule does not name are zero.
type obligation struct {
	rule  rule
	mode  mode
	reg   ir.Reg
	other ir.Reg // noReg if the operand is the immediate
	size  uint8  // of the access in bytes
	arg   abi.Arg
}

// obligations appends what must hold before in may run in a program of type t.
// It looks at the instruction only; an instruction that the verifier does not
// model demands ruleModelled, which never holds.
func obligations(obs []obligation, in ir.Insn, t ir.ProgType) []obligation {
	row := in.Row()
	src := noReg
	if row.Src == ir.X {
		src = in.Src
		obs = append(obs, obligation{rule: ruleRead, reg: src})
	}
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		return aluObligations(obs, in, src)
	case ir.KindLoadImm:
		return loadImmObligations(obs, in)
	case ir.KindLoad, ir.KindLoadAcquire:
		m := read
		if row.Kind == ir.KindLoadAcquire {
			m |= atomic
		}
		return append(obs, obligation{rule: ruleRead, reg: in.Src},
			obligation{rule: ruleAccess, mode: m, reg: in.Src, other: noReg, size: uint8(row.Width / 8)},
			obligation{rule: ruleSame, reg: in.Src},
			obligation{rule: ruleWrite, reg: in.Dst})
	case ir.KindStore, ir.KindStoreRelease:
		return storeObligations(obs, in, src)
	case ir.KindAtomic:
		return atomicObligations(obs, in)
	case ir.KindBranch:
		return append(obs, obligation{rule: ruleRead, reg: in.Dst}, obligation{rule: ruleCompare, reg: in.Dst, other: src})
	case ir.KindLoadPacket:
		obs = append(obs, obligation{rule: ruleSkb, reg: ir.R6}, obligation{rule: ruleHeld})
		if row.Indirect {
			obs = append(obs, obligation{rule: ruleRead, reg: in.Src})
		}
		return obs
	case ir.KindCall:
		return callObligations(obs, in, t)
	case ir.KindExit:
		return append(obs, obligation{rule: ruleHeld}, obligation{rule: ruleReturn, reg: ir.R0})
	case ir.KindJump, ir.KindMayGoto:
		return obs
	}
	return append(obs, obligation{rule: ruleModelled})
}

func aluObligations(obs []obligation, in ir.Insn, src ir.Reg) []obligation {
	row := in.Row()
	if row.ALU != ir.Mov && row.ALU.MovSX() == 0 {
		obs = append(obs, obligation{rule: ruleRead, reg: in.Dst})
	}
	return append(obs, obligation{rule: ruleOperand}, obligation{rule: ruleWrite, reg: in.Dst},
		obligation{rule: ruleArith, reg: in.Dst, other: src})
}

func loadImmObligations(obs []obligation, in ir.Insn) []obligation {
	switch in.Row().Pseudo {
	case ir.PseudoNone:
	case ir.PseudoFunc, ir.PseudoMapFD, ir.PseudoMapIdx, ir.PseudoMapValue, ir.PseudoMapIdxV:
		obs = append(obs, obligation{rule: ruleMapRef})
	default:
		obs = append(obs, obligation{rule: ruleModelled})
	}
	return append(obs, obligation{rule: ruleWrite, reg: in.Dst})
}

func storeObligations(obs []obligation, in ir.Insn, src ir.Reg) []obligation {
	m := write
	if in.Kind() == ir.KindStoreRelease {
		m, src = write|atomic, in.Src
		obs = append(obs, obligation{rule: ruleRead, reg: src})
	}
	obs = append(obs, obligation{rule: ruleRead, reg: in.Dst},
		obligation{rule: ruleAccess, mode: m, reg: in.Dst, other: src, size: uint8(in.Row().Width / 8)},
		obligation{rule: ruleSame, reg: in.Dst})
	if src != noReg {
		obs = append(obs, obligation{rule: ruleLeak, reg: in.Dst, other: src})
	}
	return obs
}

func atomicObligations(obs []obligation, in ir.Insn) []obligation {
	row := in.Row()
	obs = append(obs, obligation{rule: ruleRead, reg: in.Dst})
	if row.Atomic == ir.AtomicCmpXchg {
		obs = append(obs, obligation{rule: ruleRead, reg: ir.R0}, obligation{rule: ruleLeak, mode: atomic, reg: in.Dst, other: ir.R0})
	} else if row.Fetch {
		obs = append(obs, obligation{rule: ruleWrite, reg: in.Src})
	}
	return append(obs, obligation{rule: ruleLeak, mode: atomic, reg: in.Dst, other: in.Src},
		obligation{rule: ruleAccess, mode: read | write | atomic, reg: in.Dst, other: in.Src, size: uint8(row.Width / 8)})
}

func callObligations(obs []obligation, in ir.Insn, t ir.ProgType) []obligation {
	switch in.Row().Pseudo {
	case ir.CallLocal:
		return append(obs, obligation{rule: ruleFrame})
	case ir.CallHelper:
		obs = append(obs, obligation{rule: ruleHelper})
		h, ok := abi.HelperFor(abi.HelperID(in.Imm), t)
		if !ok {
			return obs
		}
		if cb := abi.CallbackOf(in); cb != nil && !cb.Async {
			obs = append(obs, obligation{rule: ruleFrame})
		}
		if h.ID == abi.TailCall {
			obs = append(obs, obligation{rule: ruleHeld})
		}
		for i, a := range h.Args {
			if a != abi.NoArg {
				obs = append(obs, obligation{rule: ruleArg, reg: ir.R1 + ir.Reg(i), arg: a})
			}
		}
		return obs
	}
	return append(obs, obligation{rule: ruleModelled})
}
