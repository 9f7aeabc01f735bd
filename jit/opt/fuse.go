package opt

import "github.com/bpfproof/bpfproof/ir"

// fuse marks loads, and operations on them, that need no instruction of their
// own: an operation reads its operand from memory, or changes a word in place.
// No other access may be between the load and what takes it in, as accesses stay
// in their order.
func fuse(c *Code) {
	uses := c.usesHere()
	for i := range c.Values {
		if v := &c.Values[i]; v.Op == Store && v.A != None {
			c.inPlace(ID(i), v, uses)
		}
	}
	for i := range c.Values {
		switch v := &c.Values[i]; {
		case v.isBinary() && v.B != None && !v.In:
			c.operand(ID(i), v, uses)
		case v.Op == Swap && c.swaps && !v.In && v.W >= ir.W32:
			if l := &c.Values[v.A]; l.Op == Load && l.W == v.W && uses[v.A] == 1 && c.quiet(v.A, ID(i)) {
				l.In = true
			}
		}
	}
	c.compared(uses)
}

// changes reports whether the operation is one that a memory operand may be the
// destination of.
func (v *Value) changes() bool { return v.Op >= Add && v.Op <= Xor }

// inPlace marks the load and the operation whose result goes back to where it was
// loaded from, or what reverses the bytes of what is stored.
func (c *Code) inPlace(id ID, v *Value, uses []int32) {
	op := &c.Values[v.A]
	if op.Op == Swap && c.swaps && op.W == v.W && v.W >= ir.W32 && uses[v.A] == 1 {
		op.In = true
		return
	}
	if !op.changes() || op.W != v.W || v.W < ir.W32 || uses[v.A] != 1 {
		return
	}
	if op.B != None && commutes(op.Op) && c.Values[op.A].Op != Load {
		op.A, op.B = op.B, op.A
	}
	l := &c.Values[op.A]
	if l.Op == Load && l.W == v.W && l.Mem == v.Mem && uses[op.A] == 1 && op.B != op.A && c.quiet(op.A, id) {
		l.In, op.In = true, true
	}
}

// operand marks a load that is the second operand of v, or can be.
func (c *Code) operand(id ID, v *Value, uses []int32) {
	fits := func(x ID) bool {
		l := &c.Values[x]
		return l.Op == Load && !l.In && l.W == v.W && uses[x] == 1 && c.quiet(x, id)
	}
	if v.Op > Mul {
		return
	}
	if !fits(v.B) && commutes(v.Op) && fits(v.A) {
		v.A, v.B = v.B, v.A
	}
	if fits(v.B) {
		c.Values[v.B].In = true
	}
}

// compared marks a load that the comparison at the end can read itself: as wide as
// that is, or narrower where the comparison is of numbers without sign, and with an
// immediate that the narrow word can hold.
func (c *Code) compared(uses []int32) {
	if c.End != Branches || c.Counts || c.Cmp == ir.JSET {
		return
	}
	end := ID(len(c.Values))
	fits := func(x ID) bool {
		l := &c.Values[x]
		return l.Op == Load && !l.In && uses[x] == 1 && c.quiet(x, end)
	}
	switch {
	case c.B != None && c.Values[c.B].W == c.W && fits(c.B):
		c.Values[c.B].In = true
	case !fits(c.A):
	case c.Values[c.A].W == c.W:
		c.Values[c.A].In = true
	case c.B == None && c.Values[c.A].W < c.W && c.Imm >= 0 && uint64(c.Imm) <= c.Values[c.A].W.Mask() && unsigned(c.Cmp):
		c.Values[c.A].In = true
		c.W = c.Values[c.A].W
	}
}

// unsigned reports whether a comparison takes words as numbers without sign.
func unsigned(op ir.CmpOp) bool {
	switch op {
	case ir.JSGT, ir.JSGE, ir.JSLT, ir.JSLE:
		return false
	}
	return true
}

// quiet reports whether there is no access between two values.
func (c *Code) quiet(from, to ID) bool {
	for x := from + 1; x < to; x++ {
		if c.Values[x].Accesses() {
			return false
		}
	}
	return true
}
