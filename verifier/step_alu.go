package verifier

import "github.com/bpfproof/bpfproof/ir"

// alu executes an arithmetic operation or byte order conversion.
func (t *stepper[E]) alu(fr *frame[E], in ir.Insn) {
	row := in.Row()
	if row.ALU == ir.Mov && row.Src == ir.X {
		fr.regs[in.Dst] = t.copied(fr, in)
		return
	}
	if row.ALU == ir.Mov {
		t.set(&fr.regs[in.Dst], uint64(in.Imm)&row.Width.Mask())
		return
	}
	x := fr.regs[in.Dst]
	y := reg[E]{kind: scalar, val: t.w.zero}
	switch row.Src {
	case ir.X:
		y = fr.regs[in.Src]
	case ir.K:
		y.val = t.w.num(uint64(in.Imm))
	}
	switch {
	case x.pointer() && in.Kind() == ir.KindALU && row.ALU.MovSX() == 0, y.pointer():
		fr.regs[in.Dst] = t.pointerALU(in, &x, &y)
	case x.pointer() && in.Kind() == ir.KindSwap:
		fr.regs[in.Dst] = number(t.unknown(in))
	default:
		fr.regs[in.Dst] = t.scalarALU(in, &x, &y)
	}
}

// set makes a register hold the number x.
func (t *stepper[E]) set(r *reg[E], x uint64) {
	*r = reg[E]{kind: scalar}
	r.val = t.w.num(x)
}

// unknown returns any result of the instruction's width.
func (t *stepper[E]) unknown(in ir.Insn) E { return t.w.anyOf(in.Row().Width) }

// copied returns the result of dst = src: the register itself, or its low half.
// A scalar and its copy are linked, also where the upper half is known to be 0
// and a 32-bit move so copies the whole number.
func (t *stepper[E]) copied(fr *frame[E], in ir.Insn) reg[E] {
	src := &fr.regs[in.Src]
	if in.Row().Width == ir.W64 || src.kind == scalar && t.w.fits(src.val, ir.W32) {
		t.link(src)
		return *src
	}
	if src.kind != scalar {
		return number(t.w.anyOf(ir.W32))
	}
	return number(t.w.low(src.val, ir.W32))
}

// scalarALU returns dst op src for numbers.
//
// Sound: the domain's operator is. Where both operands are linked, x - y is the
// difference of their offsets and x ^ x is 0. A linked number plus a known one
// stays linked: it is the same x with another offset.
func (t *stepper[E]) scalarALU(in ir.Insn, x, y *reg[E]) reg[E] {
	row := in.Row()
	if in.Kind() == ir.KindALU && x.id != 0 && x.id == y.id && row.Src == ir.X {
		d := int64(x.off) - int64(y.off)
		switch {
		case row.ALU == ir.Sub && row.Width == ir.W64:
			return number(t.w.num(uint64(d)))
		case row.ALU == ir.Sub:
			return number(t.w.num(uint64(uint32(d))))
		case row.ALU == ir.Xor && d == 0:
			return number(t.w.zero)
		}
	}
	if row.Src == ir.X && in.Dst == in.Src && (row.ALU == ir.Sub || row.ALU == ir.Xor) {
		return number(t.w.zero)
	}
	r := reg[E]{kind: scalar}
	r.val = t.w.result(in, x.val, y.val)
	if x.id == 0 || row.Width != ir.W64 || row.ALU != ir.Add && row.ALU != ir.Sub {
		return r
	}
	if c, ok := t.w.constant(y.val); ok {
		d := int64(c)
		if row.ALU == ir.Sub {
			d = -d
		}
		if off := int64(x.off) + d; d == int64(int32(d)) && off == int64(int32(off)) {
			r.id, r.off = x.id, int32(off)
		}
	}
	return r
}

// pointerALU returns dst op src where one at least is a pointer.
//
// Sound: checkArith leaves additions and subtractions of numbers in 64 bits,
// which moved computes; all else that it leaves gives any number. A packet
// pointer with a new variable part gets a new id and no range, except that its
// range stays true where it moved towards the packet's start.
func (t *stepper[E]) pointerALU(in ir.Insn, x, y *reg[E]) reg[E] {
	row := in.Row()
	if x.pointer() == y.pointer() || row.Width != ir.W64 || row.ALU != ir.Add && row.ALU != ir.Sub {
		return number(t.unknown(in))
	}
	p, n := x, y
	if y.pointer() {
		p, n = y, x
	}
	q := t.w.moved(p, n, row.ALU == ir.Sub)
	if _, known := t.w.constant(n.val); !known && q.packet() {
		q.id = t.newID()
		if row.ALU == ir.Add || t.w.bounds(n.val).SMin < 0 {
			q.rng = 0
		}
	}
	return q
}
