package progen

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Mutate returns p with one to three small changes: another register, offset,
// constant, width or operation, another target of a branch, an instruction
// dropped, doubled or moved. The result is well-formed (ir.Program.Check) and
// has no unreachable code, but may well be unsafe: such programs ask a verifier
// whether it notices. Where no change gives a well-formed program, p itself is
// returned.
func Mutate(c Choices, p *ir.Program) *ir.Program {
	d := draw{c}
	list := units(p)
	best := p
	for range 1 + d.IntN(3) {
		for range 20 {
			changed := d.change(slices.Clone(list))
			if q, ok := assemble(p, changed); ok {
				list, best = units(q), q
				break
			}
		}
	}
	return best
}

// change makes one change, which may give nothing well-formed.
func (d draw) change(list []unit) []unit {
	i := d.IntN(len(list))
	u := &list[i]
	switch d.IntN(9) {
	case 0:
		return remove(list, i, i+1)
	case 1:
		return double(list, i)
	case 2:
		j := min(i+1+d.IntN(3), len(list)-1)
		list[i].in, list[j].in = list[j].in, list[i].in
		list[i].target, list[j].target = list[j].target, list[i].target
	case 3:
		if u.target != none && u.in.Kind() != ir.KindCall {
			u.target = min(max(u.target+d.IntN(9)-4, 0), len(list)-1)
		}
	case 4:
		u.in.Dst = ir.Reg(d.IntN(ir.NumRegs))
	case 5:
		u.in.Src = ir.Reg(d.IntN(ir.NumRegs))
	case 6:
		d.changeOffset(&u.in)
	case 7:
		d.changeConstant(&u.in)
	case 8:
		d.changeOp(&u.in)
	}
	return list
}

func (d draw) changeOffset(in *ir.Insn) {
	if d.IntN(2) == 0 {
		in.Off += int16(d.IntN(17) - 8)
	} else {
		in.Off = int16(d.imm())
	}
}

func (d draw) changeConstant(in *ir.Insn) {
	// Another helper may answer differently in every run.
	if _, _, isMap := in.Map(); isMap || in.Kind() == ir.KindCall {
		return
	}
	switch d.IntN(3) {
	case 0:
		in.Imm += int64(d.IntN(3) - 1)
	case 1:
		in.Imm = int64(int32(in.Imm) ^ int32(uint32(1)<<d.IntN(32)))
	case 2:
		in.Imm = d.imm()
	}
}

// changeOp takes another operation of the same kind and with the same operands.
func (d draw) changeOp(in *ir.Insn) {
	row := in.Row()
	same := rowsOf(row.Kind)
	for range 10 {
		other := same[d.IntN(len(same))]
		if other.Src == row.Src && other.Uses == row.Uses && other.Pseudo == row.Pseudo {
			in.Op = other.Op
			return
		}
	}
}

// double repeats the instruction at i.
func double(list []unit, i int) []unit {
	out := slices.Insert(list, i, list[i])
	for k := range out {
		if out[k].target > i {
			out[k].target++
		}
	}
	return out
}
