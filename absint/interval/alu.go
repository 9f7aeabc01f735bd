package interval

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// SetALU sets r to the result of an eBPF operation (sem.ALU) on x and y; it
// spares the copies that Domain.ALU makes of elements. r must be neither x nor
// y. Shift amounts lose their bits from w on; remainders by 0 mean the same in
// both worlds.
func (r *T) SetALU(op ir.ALUOp, w ir.Width, x, y *T) {
	if limit := half(w).SignBit(); x.small(limit) && y.small(limit) {
		if s, ok := Short(op, w, x.Full.Pos, y.Full.Pos); ok {
			*r = Small(s)
			return
		}
	}
	switch op {
	case ir.Add:
		r.SetAdd(w, x, y)
	case ir.Sub:
		r.setSub(w, x, y)
	case ir.Mul:
		r.setMul(w, x, y)
	case ir.And:
		r.setAnd(w, x, y)
	case ir.Or:
		r.setOr(w, x, y)
	case ir.Xor:
		r.setXor(w, x, y)
	default:
		*r = rare(op, w, *x, *y)
	}
}

// rare returns the results of the other operations.
func rare(op ir.ALUOp, w ir.Width, x, y T) T {
	switch op {
	case ir.Div:
		return Div(w, x, y)
	case ir.SDiv:
		return SDivZero(w, x, y)
	case ir.Mod:
		return URem(w, x, y)
	case ir.SMod:
		return SRem(w, x, y)
	case ir.Lsh:
		return Shl(w, x, And(w, y, Const(w, uint64(w-1))))
	case ir.Rsh:
		return LShr(w, x, And(w, y, Const(w, uint64(w-1))))
	case ir.Arsh:
		return AShr(w, x, And(w, y, Const(w, uint64(w-1))))
	}
	return sem.ALU[T](Domain{}, op, w, x, y)
}
