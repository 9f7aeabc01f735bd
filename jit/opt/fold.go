package opt

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// constant returns the value of x if it is known.
func (c *Code) constant(x ID) (k uint64, ok bool) {
	if x == None {
		return 0, false
	}
	v := c.at(x)
	return uint64(v.Imm), v.Op == Const
}

// fits reports whether an operation of w bits can have k as its immediate, which
// is extended from 32 bits with its sign.
func fits(w ir.Width, k uint64) (imm int64, ok bool) {
	imm = int64(int32(k))
	return imm, w <= ir.W32 || uint64(imm) == k
}

var binary = [...]ir.ALUOp{Add: ir.Add, Sub: ir.Sub, Or: ir.Or, And: ir.And, Xor: ir.Xor, Mul: ir.Mul, Shl: ir.Lsh, Shr: ir.Rsh, Sar: ir.Arsh, Rotl: ir.NoALU}

// isBinary reports whether A op B is one of package sem's operations.
func (v *Value) isBinary() bool { return v.Op >= Add && v.Op <= Sar }

func commutes(op Op) bool { return op == Add || op == Or || op == And || op == Xor || op == Mul }

// fold computes what is known, and turns operands that are into immediates.
func fold(c *Code) {
	uses := c.usesHere()
	for i := range c.Values {
		v := &c.Values[i]
		switch {
		case v.isBinary():
			c.foldBinary(ID(i), v, uses)
		case v.Op == Select:
			if k, ok := c.constant(v.B); ok {
				if imm, ok := fits(v.W, k); ok {
					v.B, v.Imm = None, imm
				}
			}
		case v.Op == Zext || v.Op == Sext || v.Op == Neg || v.Op == Swap:
			if k, ok := c.constant(v.A); ok {
				v.setConst(unary(v, k))
			}
		case v.Op == Store && v.A != None:
			if k, ok := c.constant(v.A); ok {
				if imm, ok := fits(v.W, k); ok {
					v.A, v.Imm = None, imm
				}
			}
		}
	}
	if k, ok := c.constant(c.B); ok {
		if imm, ok := fits(c.W, k); ok {
			c.B, c.Imm = None, imm
		}
	}
}

func (v *Value) setConst(k uint64) {
	v.Op, v.W, v.Imm, v.A, v.B = Const, ir.W64, int64(k), None, None
}

// unary computes an operation on a constant.
func unary(v *Value, k uint64) uint64 {
	switch v.Op {
	case Neg:
		return -k & v.W.Mask()
	case Zext:
		return k & v.From.Mask()
	case Sext:
		return uint64(v.From.SignExtend(k)) & v.W.Mask()
	}
	return bits.ReverseBytes64(k) >> (64 - v.W)
}

func (c *Code) foldBinary(id ID, v *Value, uses []int32) {
	if _, ok := c.constant(v.A); ok && v.B != None && commutes(v.Op) {
		v.A, v.B = v.B, v.A
	}
	if y, ok := c.constant(v.B); ok {
		if imm, ok := fits(v.W, y); ok {
			v.B, v.Imm = None, imm
			if v.Op == Shl || v.Op == Shr || v.Op == Sar {
				v.Imm = int64(y & uint64(v.W-1))
			}
		}
	}
	if v.B != None {
		return
	}
	if x, ok := c.constant(v.A); ok {
		v.setConst(sem.ALU[uint64](sem.Concrete{}, binary[v.Op], v.W, x&v.W.Mask(), uint64(v.Imm)&v.W.Mask()))
		return
	}
	if minus := -v.Imm; v.Op == Sub && minus == int64(int32(minus)) {
		v.Op, v.Imm = Add, minus
	}
	if in := c.at(v.A); v.Op == Add && in.Op == Add && in.B == None && in.W == v.W && uses[c.root(v.A)] == 1 {
		if imm, ok := fits(v.W, uint64(in.Imm+v.Imm)); ok {
			v.A, v.Imm = in.A, imm
		}
	}
	c.identity(id, v)
}

// identity puts something simpler for operations with neutral and absorbing
// operands.
func (c *Code) identity(id ID, v *Value) {
	k := uint64(v.Imm) & v.W.Mask()
	neutral := uint64(0)
	switch v.Op {
	case And:
		neutral = v.W.Mask()
	case Mul:
		neutral = 1
	}
	switch {
	case k == 0 && (v.Op == And || v.Op == Mul):
		v.setConst(0)
	case k == neutral && v.W == ir.W64:
		c.same(id, v.A)
		v.Op = Nop
	case k == neutral:
		v.Op, v.W, v.From, v.Imm = Zext, ir.W64, ir.W32, 0
	case v.Op == Mul && k&(k-1) == 0:
		v.Op, v.Imm = Shl, int64(bits.TrailingZeros64(k))
	}
}
