package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// isVar reports that the instruction loads the address of a variable or function of
// the kernel.
func isVar(in *ir.Insn) bool {
	return in.Op.Kind() == ir.KindLoadImm && in.Op.Row().Pseudo == ir.PseudoBTFVar
}

// resolveVars looks the variables of the kernel up that the program names.
func (k *kernel) resolveVars() {
	for pc := range k.prog.Insns {
		in := &k.prog.Insns[pc]
		if !isVar(in) || k.types == nil || in.Imm>>32 != 0 {
			continue
		}
		if v, ok := k.types.VarByID(uint32(in.Imm)); ok {
			if k.vars == nil {
				k.vars = map[ir.PC]ktypes.Var{}
			}
			k.vars[ir.PC(pc)] = v
		}
	}
}

// checkVar decides a load of the address of a variable.
//
// Source: check_pseudo_btf_id.
func (c *checker[E]) checkVar(pc ir.PC, in ir.Insn) decision {
	v, ok := c.kern.vars[pc]
	switch {
	case c.kern.types == nil:
		return noTypes("%s", in.Op)
	case !ok:
		return unmodelled("%s of number %d, which is no variable in the kernel's types, is not modelled", in.Op, in.Imm)
	case v.Size > maxVar:
		return unmodelled("a variable of %d bytes is not modelled", v.Size)
	}
	return decision{}
}

// variable returns the address of a variable: a structure of the kernel, or memory
// that may be read.
func (t *stepper[E]) variable(pc ir.PC) reg[E] {
	v := t.kern.vars[pc]
	r := t.w.structPtr(v.Target, 0)
	if v.Target == 0 {
		r.kind, r.index, r.frame = memPtr, int32(v.Size), readMem
	}
	if v.PerCPU {
		r.frame |= perCPU
	}
	return r
}
