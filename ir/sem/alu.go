package sem

import "github.com/bpfproof/bpfproof/ir"

// ALU returns x op y for words of w bits (4.1 of RFC 9669). Neg and the Mov
// operations take their operand in y. Shift amounts are masked, divisions by
// zero are defined as the RFC says.
func ALU[V any](a Algebra[V], op ir.ALUOp, w ir.Width, x, y V) V {
	switch op {
	case ir.Mov:
		return y
	case ir.Neg:
		return a.Bin(Sub, w, a.Const(w, 0), y)
	case ir.MovSX8, ir.MovSX16, ir.MovSX32:
		n := op.MovSX()
		return a.Resize(a.Resize(y, w, n, false), n, w, true)
	case ir.Div:
		return a.Ite(isZero(a, w, y), a.Const(w, 0), a.Bin(UDiv, w, x, y))
	case ir.SDiv:
		return a.Ite(isZero(a, w, y), a.Const(w, 0), a.Bin(SDiv, w, x, y))
	case ir.Mod:
		return a.Ite(isZero(a, w, y), x, a.Bin(URem, w, x, y))
	case ir.SMod:
		return a.Ite(isZero(a, w, y), x, a.Bin(SRem, w, x, y))
	case ir.Lsh, ir.Rsh, ir.Arsh:
		return a.Bin(plain(op), w, x, a.Bin(And, w, y, a.Const(w, uint64(w-1))))
	}
	return a.Bin(plain(op), w, x, y)
}

// plain returns the operation on words that op is, save for what ALU does to
// its operands.
func plain(op ir.ALUOp) BinOp {
	switch op {
	case ir.Add:
		return Add
	case ir.Sub:
		return Sub
	case ir.Mul:
		return Mul
	case ir.And:
		return And
	case ir.Or:
		return Or
	case ir.Xor:
		return Xor
	case ir.Lsh:
		return Shl
	case ir.Rsh:
		return LShr
	}
	return AShr
}

func isZero[V any](a Algebra[V], w ir.Width, x V) V { return a.Cmp(EQ, w, x, a.Const(w, 0)) }

var jumpOps = [...]CmpOp{ir.JEQ: EQ, ir.JNE: NE, ir.JGT: UGT, ir.JGE: UGE, ir.JLT: ULT, ir.JLE: ULE, ir.JSET: SET,
	ir.JSGT: SGT, ir.JSGE: SGE, ir.JSLT: SLT, ir.JSLE: SLE}

// Comparison returns the comparison that a conditional jump makes.
func Comparison(op ir.CmpOp) CmpOp { return jumpOps[op] }

// Cond returns the one-bit word that is 1 where the jump on x op y is taken,
// for words of w bits (RFC 9669, section 4.3).
func Cond[V any](a Algebra[V], op ir.CmpOp, w ir.Width, x, y V) V {
	return a.Cmp(Comparison(op), w, x, y)
}

// Swap returns the byte order conversion of the low w bits of the 64-bit word
// x, zero-extended to 64 bits, on a little-endian host (RFC 9669, section 4.2).
func Swap[V any](a Algebra[V], op ir.SwapOp, w ir.Width, x V) V {
	if op == ir.ToLE {
		return extend(a, low(a, x, w), w, false)
	}
	swapped := a.Const(ir.W64, 0)
	for i := ir.Width(0); i < w; i += 8 {
		b := a.Bin(And, ir.W64, a.Bin(LShr, ir.W64, x, a.Const(ir.W64, uint64(i))), a.Const(ir.W64, 0xff))
		b = a.Bin(Shl, ir.W64, b, a.Const(ir.W64, uint64(w-8-i)))
		swapped = a.Bin(Or, ir.W64, swapped, b)
	}
	return swapped
}

// low returns the low w bits of a 64-bit word.
func low[V any](a Algebra[V], x V, w ir.Width) V {
	if w == ir.W64 {
		return x
	}
	return a.Resize(x, ir.W64, w, false)
}

// extend returns a w-bit word as 64 bits.
func extend[V any](a Algebra[V], x V, w ir.Width, signed bool) V {
	if w == ir.W64 {
		return x
	}
	return a.Resize(x, w, ir.W64, signed)
}
