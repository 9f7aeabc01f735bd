package verifier

import "github.com/bpfproof/bpfproof/ir"

// checkArith decides which arithmetic pointers allow: adding and subtracting
// numbers of a bounded size, in 64 bits, and for a privileged loader the
// difference of two pointers. All else makes no pointer or is refused.
//
// Source: adjust_reg_min_max_vals, adjust_ptr_min_max_vals and
// check_reg_sane_offset in kernel/bpf/verifier.c.
func (c *checker[E]) checkArith(fr *frame[E], in ir.Insn) decision {
	row := in.Row()
	x := &fr.regs[in.Dst]
	imm := reg[E]{kind: scalar}
	y := &imm
	if row.Src == ir.X {
		y = &fr.regs[in.Src]
	}
	if row.Src == ir.K && x.pointer() {
		y.val = c.w.num(uint64(in.Imm))
	}
	switch {
	case row.ALU == ir.Mov || row.ALU.MovSX() != 0:
		if y.pointer() && c.policy.Unprivileged && (row.Width != ir.W64 || row.ALU != ir.Mov) {
			return refuse(PtrLeak, "R%d partial copy of pointer", in.Src)
		}
		return decision{}
	case row.Kind == ir.KindSwap || row.ALU == ir.Neg:
		if x.pointer() && c.policy.Unprivileged {
			return refuse(PtrArith, "R%d pointer arithmetic prohibited", in.Dst)
		}
		return decision{}
	case !x.pointer() && !y.pointer():
		return decision{}
	case x.pointer() && y.pointer():
		if row.ALU == ir.Sub && !c.policy.Unprivileged {
			return decision{}
		}
		return refuse(PtrArith, "R%d pointer %s pointer prohibited", in.Dst, symbols[row.ALU])
	case x.pointer():
		return c.checkOffset(in, x, y, false)
	}
	return c.checkOffset(in, y, x, true)
}

var symbols = map[ir.ALUOp]string{ir.Add: "+=", ir.Sub: "-=", ir.Mul: "*=", ir.Div: "/=", ir.SDiv: "s/=", ir.Or: "|=",
	ir.And: "&=", ir.Lsh: "<<=", ir.Rsh: ">>=", ir.Arsh: "s>>=", ir.Mod: "%=", ir.SMod: "s%=", ir.Xor: "^="}

// noArith lists the pointers that do not move.
var noArith = [numKinds]bool{packetEnd: true, mapPtr: true, objPtr: true, funcPtr: true}

// checkOffset decides p op n for a pointer and a number; swapped says that the
// number is the destination.
func (c *checker[E]) checkOffset(in ir.Insn, p, n *reg[E], swapped bool) decision {
	row := in.Row()
	if row.Width != ir.W64 {
		if row.ALU == ir.Sub && !c.policy.Unprivileged {
			return decision{}
		}
		return refuse(PtrArith, "R%d 32-bit pointer arithmetic prohibited", in.Dst)
	}
	if p.null {
		return refuse(PtrArith, "R%d pointer arithmetic on %s prohibited, null-check it first", in.Dst, p.name())
	}
	if noArith[p.kind] {
		if x, ok := c.w.constant(n.val); p.kind == mapPtr && ok && x == 0 && row.ALU == ir.Add {
			return decision{}
		}
		return refuse(PtrArith, "R%d pointer arithmetic on %s prohibited", in.Dst, p.name())
	}
	if _, known := c.w.constant(n.val); p.kind == flowKeys && !known {
		return refuse(PtrArith, "R%d pointer arithmetic on %s prohibited", in.Dst, p.name())
	}
	switch row.ALU {
	case ir.Add, ir.Sub:
	case ir.And, ir.Or, ir.Xor:
		return refuse(PtrArith, "R%d bitwise operator %s on pointer prohibited", in.Dst, symbols[row.ALU])
	default:
		return refuse(PtrArith, "R%d pointer arithmetic with %s operator prohibited", in.Dst, symbols[row.ALU])
	}
	if d := c.checkNumber(n, p); d.outcome != holds {
		return d
	}
	if row.ALU == ir.Sub && swapped {
		return refuse(PtrArith, "R%d tried to subtract pointer from scalar", in.Dst)
	}
	if row.ALU == ir.Sub && p.kind == stackPtr {
		return refuse(PtrArith, "R%d subtraction from stack pointer prohibited", in.Dst)
	}
	q := c.w.moved(p, n, row.ALU == ir.Sub)
	if q.kind == scalar {
		return refuse(PtrArith, "%s pointer offset %d is not allowed", p.name(), int64(p.off))
	}
	return c.checkMoved(in, &q)
}

// checkNumber decides whether n may be added to a pointer at all.
func (c *checker[E]) checkNumber(n, p *reg[E]) decision {
	b := c.w.bounds(n.val)
	switch {
	case b.SMin == b.SMax && (b.SMin >= maxVar || b.SMin <= -maxVar):
		return refuse(PtrArith, "math between %s pointer and %d is not allowed", p.name(), b.SMin)
	case b.SMin == -1<<63:
		return refuse(PtrArith, "math between %s pointer and register with unbounded min value is not allowed", p.name())
	case b.SMin >= maxVar || b.SMin <= -maxVar:
		return refuse(PtrArith, "value %d makes %s pointer be out of bounds", b.SMin, p.name())
	}
	return decision{}
}

// checkMoved decides whether the offset of the moved pointer is within what is
// kept of it.
func (c *checker[E]) checkMoved(in ir.Insn, q *reg[E]) decision {
	if q.off >= maxVar || q.off <= -maxVar {
		return refuse(PtrArith, "%s pointer offset %d is not allowed", q.name(), q.off)
	}
	b := c.w.bounds(q.val)
	switch {
	case b.SMin == b.SMax && (b.SMin >= maxVar || b.SMin <= -maxVar):
		return refuse(PtrArith, "math between %s pointer and %d is not allowed", q.name(), b.SMin)
	case b.SMin == -1<<63:
		return refuse(PtrArith, "math between %s pointer and register with unbounded min value is not allowed", q.name())
	case b.SMin >= maxVar || b.SMin <= -maxVar:
		return refuse(PtrArith, "value %d makes %s pointer be out of bounds", b.SMin, q.name())
	}
	if !c.policy.Unprivileged {
		return decision{}
	}
	lo, hi, ok := c.w.span(q)
	switch {
	case q.kind == mapValue && (!ok || lo < 0 || hi > int64(specOf(c.prog, q).ValueSize)):
		return refuse(PtrArith, "R%d pointer arithmetic of map value goes out of range, prohibited for !root", in.Dst)
	case q.kind == stackPtr && (!ok || lo != hi):
		return refuse(PtrArith, "R%d variable stack access prohibited for !root", in.Dst)
	case q.kind == stackPtr && (lo < -ir.StackSize || hi > 0):
		return refuse(PtrArith, "R%d stack pointer arithmetic goes out of range, prohibited for !root", in.Dst)
	}
	return decision{}
}

// moved returns pointer p plus the number n, or less it; a scalar where the
// fixed part leaves 32 bits. The id and the range of a packet pointer with a
// new variable part are left for the caller to set.
//
// Sound: a known number goes into the fixed part, all else into the variable
// part, and address = object + off + val before and after.
func (w *words[E]) moved(p, n *reg[E], sub bool) reg[E] {
	q := *p
	if x, ok := w.constant(n.val); ok {
		d := int64(x)
		if sub {
			d = -d
		}
		off := int64(p.off) + d
		if off != int64(int32(off)) {
			return reg[E]{kind: scalar, val: w.top}
		}
		q.off = int32(off)
		if d != 0 {
			q.rng = max(q.rng, 0)
		}
		return q
	}
	q.rng = max(q.rng, 0)
	if sub {
		q.val = w.sub(p.val, n.val)
	} else {
		q.val = w.add(p.val, n.val)
	}
	return q
}
