package opt

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// widths returns for every value how many of its low bits can be other than
// zero, at most.
func (c *Code) widths() []int {
	all := make([]int, len(c.Values))
	for i := range c.Values {
		v := &c.Values[i]
		of := func(x ID) int {
			if x == None {
				return bits.Len64(uint64(v.Imm) & v.W.Mask())
			}
			return min(all[c.root(x)], int(v.W))
		}
		n := int(v.W)
		switch v.Op {
		case Entry:
			if c.Upper.Has(v.Reg) {
				n = 32
			}
		case Const:
			n = bits.Len64(uint64(v.Imm))
		case And:
			n = min(of(v.A), of(v.B))
		case Or, Xor:
			n = max(of(v.A), of(v.B))
		case Shr:
			if n = of(v.A); v.B == None {
				n = max(0, n-int(v.Imm))
			}
		case Shl:
			if v.B == None {
				n = min(n, of(v.A)+int(v.Imm))
			}
		case Zext:
			n = min(of(v.A), int(v.From))
		case Copy:
			n = of(v.A)
		case Select:
			n = max(all[c.root(v.X)], all[c.root(v.Y)])
		case LoadSigned, FP, Addr:
			n = 64
		}
		all[i] = n
	}
	return all
}

// narrow takes out extensions and masks of words that are small already, reads
// through those that an operation does not see, and turns shifts that extend
// into extensions.
func narrow(c *Code) {
	size := c.widths()
	for i := range c.Values {
		v := &c.Values[i]
		c.readThrough(v)
		c.extension(v)
		if c.changesNothing(v, size) {
			c.same(ID(i), v.A)
			v.Op, v.A = Nop, None
		}
	}
	if c.End == Branches && c.W == ir.W32 {
		c.A = c.through(c.A, ir.W32)
		if c.B != None {
			c.B = c.through(c.B, ir.W32)
		}
	}
}

// changesNothing reports whether v is its operand, by what is known of its size.
func (c *Code) changesNothing(v *Value, size []int) bool {
	switch v.Op {
	case Zext:
		return size[c.root(v.A)] <= int(v.From)
	case Sext:
		return size[c.root(v.A)] < int(v.From)
	case And:
		mask := uint64(v.Imm) & v.W.Mask()
		return v.B == None && mask&(mask+1) == 0 && size[c.root(v.A)] <= bits.Len64(mask)
	}
	return false
}

// through returns what x is an extension of, where its low w bits are the same.
func (c *Code) through(x ID, w ir.Width) ID {
	for {
		v := c.at(x)
		if v.Op != Zext && v.Op != Sext || v.From < w {
			return x
		}
		x = v.A
	}
}

// readThrough lets an operation read the words that its operands are extensions
// of, where it does not see the difference.
func (c *Code) readThrough(v *Value) {
	switch {
	case v.isBinary() && v.W == ir.W32, v.Op == Select && v.W == ir.W32, v.Op == Rotl && v.W == ir.W32, v.Op == Neg && v.W == ir.W32, v.Op == Swap && v.W < ir.W64:
		v.A = c.through(v.A, v.W)
		if v.B != None {
			v.B = c.through(v.B, v.W)
		}
	case v.Op == Store && v.A != None && v.W < ir.W64:
		v.A = c.through(v.A, v.W)
	case v.Op == Zext || v.Op == Sext:
		v.A = c.through(v.A, v.From)
	}
}

// extension turns masks of 8 and 16 bits, and a shift to the left and back, into
// extensions.
func (c *Code) extension(v *Value) {
	if v.B != None {
		return
	}
	switch v.Op {
	case And:
		if v.Imm == 0xff || v.Imm == 0xffff {
			v.Op, v.W, v.From, v.Imm = Zext, ir.W64, ir.Width(bits.Len64(uint64(v.Imm))), 0
		}
	case Shr, Sar:
		left := c.at(v.A)
		if left.Op != Shl || left.B != None || left.Imm != v.Imm || left.W != v.W || v.Imm == 0 {
			return
		}
		from := v.W - ir.Width(v.Imm)
		if from != ir.W8 && from != ir.W16 && from != ir.W32 {
			return
		}
		v.A, v.From, v.Imm = left.A, from, 0
		if v.Op == Sar {
			v.Op = Sext
		} else {
			v.Op, v.W = Zext, ir.W64
		}
	}
}
