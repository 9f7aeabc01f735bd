package sem

import "github.com/bpfproof/bpfproof/ir"

// Operand returns the second operand of an instruction as a 64-bit word: the
// source register's value src, or the immediate sign-extended.
func Operand[V any](a Algebra[V], in ir.Insn, src V) V {
	if in.Row().Src == ir.K {
		return a.Const(ir.W64, uint64(in.Imm))
	}
	return src
}

// Result returns what an instruction of KindALU or KindSwap leaves in its
// destination register, given both registers' 64-bit values; a 32-bit
// operation zeroes the upper half (RFC 9669, section 4.1). The caller must not
// pass other kinds.
func Result[V any](a Algebra[V], in ir.Insn, dst, src V) V {
	row := in.Row()
	if row.Kind == ir.KindSwap {
		return Swap(a, row.Swap, row.Width, dst)
	}
	y := Operand(a, in, src)
	if row.ALU == ir.Neg {
		y = dst
	}
	return extend(a, ALU(a, row.ALU, row.Width, low(a, dst, row.Width), low(a, y, row.Width)), row.Width, false)
}

// Taken returns the one-bit word that is 1 where an instruction of KindBranch
// jumps, given both registers' 64-bit values.
func Taken[V any](a Algebra[V], in ir.Insn, dst, src V) V {
	row := in.Row()
	y := Operand(a, in, src)
	return Cond(a, row.Cmp, row.Width, low(a, dst, row.Width), low(a, y, row.Width))
}

// Address returns the 64-bit address base + off of a memory access.
func Address[V any](a Algebra[V], base V, off int16) V {
	return a.Bin(Add, ir.W64, base, a.Const(ir.W64, uint64(int64(off))))
}

// Loaded returns what a load of w bits leaves in its 64-bit register.
func Loaded[V any](a Algebra[V], w ir.Width, signed bool, x V) V { return extend(a, x, w, signed) }

// Stored returns the w bits of the 64-bit word x that a store writes.
func Stored[V any](a Algebra[V], w ir.Width, x V) V { return low(a, x, w) }

// Atomic returns what the atomic operation leaves in memory, given the w bits
// that were there, the 64-bit source register and the 64-bit r0 (which only
// cmpxchg compares; RFC 9669, section 5.3). A fetching operation leaves
// Loaded(w, false, old) in its source register, cmpxchg in r0.
func Atomic[V any](a Algebra[V], op ir.AtomicOp, w ir.Width, old, src, r0 V) V {
	x := low(a, src, w)
	switch op {
	case ir.AtomicXchg:
		return x
	case ir.AtomicCmpXchg:
		return a.Ite(a.Cmp(EQ, w, old, low(a, r0, w)), x, old)
	}
	return a.Bin(update(op), w, old, x)
}

// update returns the operation of an atomic one that reads, changes and
// writes.
func update(op ir.AtomicOp) BinOp {
	switch op {
	case ir.AtomicAdd:
		return Add
	case ir.AtomicOr:
		return Or
	case ir.AtomicAnd:
		return And
	}
	return Xor
}
