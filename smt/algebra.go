package smt

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Const returns the constant of the low w bits of x.
func (b *Builder) Const(w ir.Width, x uint64) Term {
	checkWidth(w)
	return b.node(OpConst, w, x&w.Mask())
}

// Bool returns the one-bit constant.
func (b *Builder) Bool(x bool) Term {
	if x {
		return b.Const(ir.W1, 1)
	}
	return b.Const(ir.W1, 0)
}

// Bin returns x op y, for words of w bits.
func (b *Builder) Bin(op sem.BinOp, w ir.Width, x, y Term) Term {
	b.want(op, w, x, y)
	return b.note(step{kind: stepBin, bin: op, w: w, x: x, y: y}, b.bin(op, w, x, y))
}

func (b *Builder) bin(op sem.BinOp, w ir.Width, x, y Term) Term {
	cx, xConst := b.ConstValue(x)
	cy, yConst := b.ConstValue(y)
	if xConst && yConst {
		return b.Const(w, sem.Concrete{}.Bin(op, w, cx, cy))
	}
	if w == ir.W1 {
		return b.binBit(op, x, y)
	}
	switch op {
	case sem.Add:
		return b.add(w, x, y, 1)
	case sem.Sub:
		return b.add(w, x, y, w.Mask())
	case sem.Mul:
		return b.mul(w, x, y)
	case sem.And:
		return b.bitwise(OpAnd, w, x, y)
	case sem.Or:
		return b.bitwise(OpOr, w, x, y)
	case sem.Xor:
		return b.bitwise(OpXor, w, x, y)
	case sem.Shl, sem.LShr, sem.AShr:
		return b.shift(op, w, x, y)
	}
	return b.divide(op, w, x, y)
}

// binBit returns x op y for words of one bit, where every operation is a
// boolean one (y as a divisor or shift amount is 0 or 1; as a signed number a
// set bit is -1).
func (b *Builder) binBit(op sem.BinOp, x, y Term) Term {
	switch op {
	case sem.Add, sem.Sub, sem.Xor:
		return b.bitwise(OpXor, ir.W1, x, y)
	case sem.Mul, sem.And:
		return b.bitwise(OpAnd, ir.W1, x, y)
	case sem.Or:
		return b.or(x, y)
	case sem.UDiv, sem.SDiv: // 1 if y is 0, otherwise x
		return b.or(x, b.Not(y))
	case sem.AShr: // shifts in the only bit
		return x
	}
	return b.bitwise(OpAnd, ir.W1, x, b.Not(y)) // URem, SRem, Shl, LShr: x if y is 0, otherwise 0
}

// or returns x | y for words of one bit, by De Morgan: there is one form.
func (b *Builder) or(x, y Term) Term {
	return b.Not(b.bitwise(OpAnd, ir.W1, b.Not(x), b.Not(y)))
}

// Cmp compares two w-bit words; the result has one bit.
func (b *Builder) Cmp(op sem.CmpOp, w ir.Width, x, y Term) Term {
	b.want(op, w, x, y)
	return b.note(step{kind: stepCmp, cmp: op, w: w, x: x, y: y}, b.cmp(op, w, x, y))
}

func (b *Builder) cmp(op sem.CmpOp, w ir.Width, x, y Term) Term {
	switch op {
	case sem.EQ:
		return b.eq(w, x, y)
	case sem.NE:
		return b.Not(b.eq(w, x, y))
	case sem.ULT:
		return b.ult(w, x, y)
	case sem.ULE:
		return b.Not(b.ult(w, y, x))
	case sem.UGT:
		return b.ult(w, y, x)
	case sem.UGE:
		return b.Not(b.ult(w, x, y))
	case sem.SLT:
		return b.slt(w, x, y)
	case sem.SLE:
		return b.Not(b.slt(w, y, x))
	case sem.SGT:
		return b.slt(w, y, x)
	case sem.SGE:
		return b.Not(b.slt(w, x, y))
	}
	return b.Not(b.eq(w, b.Bin(sem.And, w, x, y), b.Const(w, 0))) // SET
}

// Resize truncates or extends x from one width to another; an extension
// copies the top bit if signed, and is zero otherwise.
func (b *Builder) Resize(x Term, from, to ir.Width, signed bool) Term {
	checkWidth(to)
	b.want(OpSignExt, from, x)
	return b.note(step{kind: stepResize, w: to, signed: signed, x: x}, b.resize(x, from, to, signed))
}

func (b *Builder) resize(x Term, from, to ir.Width, signed bool) Term {
	switch {
	case to == from:
		return x
	case to < from:
		return b.Extract(x, to-1, 0)
	case signed:
		return b.signExt(x, to)
	}
	return b.concat(b.Const(to-from, 0), x)
}

// Eq returns the one-bit word that is 1 where x equals y, of the same width.
func (b *Builder) Eq(x, y Term) Term { return b.Cmp(sem.EQ, b.Width(x), x, y) }

// Not returns the complement of every bit; of one bit, the negation.
func (b *Builder) Not(x Term) Term {
	return b.note(step{kind: stepNot, w: b.Width(x), x: x}, b.not(x))
}

func (b *Builder) not(x Term) Term {
	n := b.at(x)
	switch {
	case n.op == OpConst:
		return b.Const(n.w, ^n.val)
	case n.op == OpNot:
		return b.Args(x)[0]
	case n.w == ir.W1:
		return b.node(OpNot, ir.W1, 0, x)
	}
	return b.add(n.w, b.Const(n.w, n.w.Mask()), x, n.w.Mask()) // -1 - x
}

// And returns the conjunction of one-bit words; of none, true.
func (b *Builder) And(xs ...Term) Term {
	all := b.Bool(true)
	for _, x := range xs {
		all = b.Bin(sem.And, ir.W1, all, x)
	}
	return all
}

// Or returns the disjunction of one-bit words; of none, false.
func (b *Builder) Or(xs ...Term) Term {
	some := b.Bool(false)
	for _, x := range xs {
		some = b.Bin(sem.Or, ir.W1, some, x)
	}
	return some
}

// Implies returns the one-bit word that is 0 only where x is 1 and y is 0.
func (b *Builder) Implies(x, y Term) Term { return b.Or(b.Not(x), y) }

// Ite returns x where the one-bit word c is 1, and y where it is 0. Both have
// the same width.
func (b *Builder) Ite(c, x, y Term) Term {
	w := b.Width(x)
	b.want(OpIte, ir.W1, c)
	b.want(OpIte, w, y)
	return b.note(step{kind: stepIte, w: w, x: c, y: x, z: y}, b.ite(w, c, x, y))
}

func (b *Builder) ite(w ir.Width, c, x, y Term) Term {
	if b.Op(c) == OpNot {
		c, x, y = b.Args(c)[0], y, x
	}
	if v, ok := b.ConstValue(c); ok {
		if v != 0 {
			return x
		}
		return y
	}
	if b.Op(x) == OpIte && b.Args(x)[0] == c {
		x = b.Args(x)[1]
	}
	if b.Op(y) == OpIte && b.Args(y)[0] == c {
		y = b.Args(y)[2]
	}
	switch {
	case x == y:
		return x
	case w == ir.W1:
		return b.iteBit(c, x, y)
	}
	if z := min(b.leadingZeros(x), b.leadingZeros(y)); z > 0 {
		x, y = b.Extract(x, w-z-1, 0), b.Extract(y, w-z-1, 0)
		return b.concat(b.Const(z, 0), b.Ite(c, x, y))
	}
	return b.node(OpIte, w, 0, c, x, y)
}

// iteBit chooses between words of one bit.
func (b *Builder) iteBit(c, x, y Term) Term {
	vx, xConst := b.ConstValue(x)
	vy, yConst := b.ConstValue(y)
	switch {
	case xConst && vx == 1 || x == c:
		return b.or(c, y)
	case xConst || x == b.Not(c):
		return b.And(b.Not(c), y)
	case yConst && vy == 0 || y == c:
		return b.And(c, x)
	case yConst || y == b.Not(c):
		return b.or(b.Not(c), x)
	case x == b.Not(y):
		return b.bitwise(OpXor, ir.W1, c, y)
	}
	return b.node(OpIte, ir.W1, 0, c, x, y)
}

// leadingZeros returns how many zero bits a constant or concatenation starts
// with, short of all of them.
func (b *Builder) leadingZeros(t Term) ir.Width {
	n := b.at(t)
	switch n.op {
	case OpConst:
		return min(n.w-1, n.w-ir.Width(bitLen(n.val)))
	case OpConcat:
		first := b.at(b.Args(t)[0])
		if first.op == OpConst {
			return first.w - ir.Width(bitLen(first.val))
		}
	}
	return 0
}
