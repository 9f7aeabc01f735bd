package verifier

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// checkText refuses what is wrong wherever it stands, also where no path comes
// to: references to maps, and calls of addresses.
//
// Source: resolve_pseudo_ldimm64 in kernel/bpf/verifier.c of Linux 6.18, which
// looks at every instruction before the first path is walked. What it does not
// look at, such as the target of a write or the number of a helper, is refused
// on paths only.
func checkText(p *ir.Program) *Finding {
	for i := range p.Insns {
		pc, in := ir.PC(i), &p.Insns[i]
		if k := in.Op.Kind(); k != ir.KindCall && k != ir.KindLoadImm {
			continue
		}
		if in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallX {
			return &Finding{PC: pc, Code: IndirectCall, Msg: fmt.Sprintf("call of the address in R%d: only known functions are called", in.Dst)}
		}
		if _, _, ok := in.Map(); !ok {
			continue
		}
		if d := checkMapRef(p, *in); d.outcome == violated {
			return &Finding{PC: pc, Code: d.code, Msg: d.msg}
		}
	}
	return nil
}

// unresolved returns a reference to the kernel's own functions or variables, nil
// if there is none. Linux looks each up in its type information before the first
// path is walked, so a program whose paths never come there may still be
// refused: such a program is not accepted. A call of function 0 stands for one
// that the kernel does not have, and is allowed where no path comes to.
func unresolved(p *ir.Program, k *kernel) *Finding {
	for i := range p.Insns {
		pc, in := ir.PC(i), &p.Insns[i]
		row := in.Op.Row()
		if row.Kind == ir.KindCall && row.Pseudo == ir.CallKfunc && !missing(p, pc) && !k.has(pc) || isVar(in) && k.vars[pc].Name == "" {
			return &Finding{PC: pc, Code: Unsupported, Msg: fmt.Sprintf("%s in code that is never reached is not modelled", in.Op)}
		}
	}
	return nil
}

// missing reports that the instruction calls a function that the kernel was found
// not to have: a weak symbol, for which a loader leaves 0. A call that the program
// names a function for was not looked up at all.
func missing(p *ir.Program, pc ir.PC) bool {
	in := p.Insns[pc]
	named := slices.ContainsFunc(p.Externs, func(e ir.Extern) bool { return e.PC == pc })
	return in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallKfunc && in.Imm == 0 && in.Off == 0 && !named
}
