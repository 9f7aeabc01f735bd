package recheck

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// branch adds the ways that a conditional jump can go.
func (c *checker[E]) branch(s *state[E], pc ir.PC, in ir.Insn) error {
	fr := s.Top()
	if err := readable(fr, in.Dst); err != nil {
		return err
	}
	target, _ := in.Target(pc)
	if t := copied(s); c.assume(t, in, true) {
		c.on(target, t)
	}
	if c.assume(s, in, false) {
		c.on(pc+1, s)
	}
	return nil
}

// assume narrows s to the machines in which the jump is taken, or is not. It
// reports false where there are none.
func (c *checker[E]) assume(s *state[E], in ir.Insn, taken bool) bool {
	regs := &s.Top().Regs
	row := in.Row()
	x, imm := &regs[in.Dst], number(c.num(in.Imm))
	y := &imm
	if row.Src == ir.X {
		y = &regs[in.Src]
	}
	switch {
	case x.Kind == invariant.Scalar && y.Kind == invariant.Scalar:
		return c.compare(s, row, x, y, taken)
	case row.Width != ir.W64:
	case x.Pointer() && y.Pointer() && x.Null != y.Null && (row.Cmp == ir.JEQ && taken || row.Cmp == ir.JNE && !taken):
		c.equal(s, x, y)
	case x.Pointer() && y.Kind == invariant.Scalar:
		if y.Val == c.zero && (row.Cmp == ir.JEQ || row.Cmp == ir.JNE) {
			return c.null(s, x, (row.Cmp == ir.JEQ) == taken)
		}
	case packetEnd(x, y):
		return c.room(s, x, row.Cmp, taken)
	case packetEnd(y, x):
		return c.room(s, y, flipped[row.Cmp], taken)
	}
	return true
}

// notZero lists the pointers whose objects do not lie at address 0.
var notZero = [invariant.Func + 1]bool{invariant.Map: true, invariant.MapValue: true, invariant.MapKey: true,
	invariant.Object: true, invariant.Memory: true, invariant.RingRecord: true}

// null assumes that a pointer is 0, or is not. It and those with its id are all
// 0 then, or none is; a reference that came as 0 is not held.
func (c *checker[E]) null(s *state[E], p *reg[E], isNull bool) bool {
	if !p.Null {
		at, ok := c.exact(p)
		return !(isNull && ok && at == 0 && notZero[p.Kind])
	}
	id := p.ID
	if isNull && p.Ref == id {
		s.Drop(id)
	}
	s.Each(func(r *reg[E]) {
		switch {
		case !r.Null || r.ID != id || id == 0 && r != p:
		case isNull:
			*r = number(c.zero)
		default:
			r.Null = false
		}
	})
	return true
}

// equal assumes that two pointers are the same, one of which may be 0: it is
// not, if the other one is not.
func (c *checker[E]) equal(s *state[E], x, y *reg[E]) {
	if y.Null {
		x, y = y, x
	}
	if at, ok := c.exact(y); ok && at == 0 && notZero[y.Kind] {
		c.null(s, x, false)
	}
}

// packetEnd reports whether e is the end of what p points into: that of the
// packet, or of its metadata the packet's start.
func packetEnd[E comparable](p, e *reg[E]) bool {
	return p.Kind == invariant.Packet && e.Kind == invariant.PacketEnd ||
		p.Kind == invariant.PacketMeta && e.Kind == invariant.Packet && e.Off == 0 && e.ID == 0
}

var flipped = [ir.JSLE + 1]ir.CmpOp{ir.JLT: ir.JGT, ir.JGT: ir.JLT, ir.JLE: ir.JGE, ir.JGE: ir.JLE}

// maxPacket bounds the offsets for which a comparison says something: sums of
// such offsets and a packet's address do not wrap around.
const maxPacket = 0xffff

// room assumes the outcome of p op end, for a packet pointer p.
//
// Sound: p = object + v + Off with v and Off not negative and small. From
// p <= end follows that the bytes before Off are there, counted from object + v;
// from p < end one more. All pointers with p's id have its v. From p >= end and
// p > end follows where p lies. Either may contradict what is known of p.
func (c *checker[E]) room(s *state[E], p *reg[E], op ir.CmpOp, taken bool) bool {
	lo, hi, ok := c.span(p)
	if b := c.bounds(p.Val); !ok || b.SMin < 0 || p.Off < 0 || lo < 0 || hi > maxPacket {
		return true
	}
	var below, strict bool // p <(=) end, or p >(=) end
	switch op {
	case ir.JLT, ir.JGE:
		below, strict = (op == ir.JLT) == taken, (op == ir.JLT) == taken
	case ir.JLE, ir.JGT:
		below = (op == ir.JLE) == taken
		strict = !below
	default:
		return true
	}
	if below {
		need, contrary := p.Off, int32(invariant.BeyondEnd)
		if strict {
			need, contrary = need+1, invariant.AtEnd
		}
		if p.Range <= contrary {
			return false
		}
		kind, id := p.Kind, p.ID
		s.Each(func(r *reg[E]) {
			if r.Kind == kind && r.ID == id {
				r.Range = max(r.Range, need)
			}
		})
		return true
	}
	there, says := p.Off+1, int32(invariant.AtEnd) // so many bytes there contradict it
	if strict {
		there, says = p.Off, invariant.BeyondEnd
	}
	if p.Range > 0 && p.Range >= there {
		return false
	}
	if p.Range <= 0 {
		p.Range = min(p.Range, says)
	}
	return true
}

// compare assumes the outcome of a comparison of numbers.
//
// Sound: Refine keeps all pairs for which the comparison holds; where it speaks
// of the low bits, RefineLow keeps all words with such low bits. What is linked
// to a word differs from it by a constant, before and after.
func (c *checker[E]) compare(s *state[E], row *ir.Row, x, y *reg[E], taken bool) bool {
	op := sem.Comparison(row.Cmp)
	if x == y || x.ID != 0 && x.ID == y.ID && x.Off == y.Off { // one word, so its low bits are, too
		switch op {
		case sem.EQ, sem.ULE, sem.UGE, sem.SLE, sem.SGE:
			return taken
		case sem.NE, sem.ULT, sem.UGT, sem.SLT, sem.SGT:
			return !taken
		}
	}
	w := row.Width
	lx, ly := c.cut(x.Val, w), c.cut(y.Val, w)
	var nx, ny E
	if not, ok := op.Not(); taken {
		nx, ny = c.d.Refine(op, w, lx, ly)
	} else if ok {
		nx, ny = c.d.Refine(not, w, lx, ly)
	} else {
		nx, ny = c.disjoint(w, lx, ly)
	}
	if nx == c.bot || ny == c.bot {
		return false
	}
	if !c.narrow(s, x, c.back(w, x.Val, lx, nx)) || x != y && !c.narrow(s, y, c.back(w, y.Val, ly, ny)) {
		return false
	}
	equal := row.Cmp == ir.JEQ && taken || row.Cmp == ir.JNE && !taken
	return row.Src != ir.X || !equal || c.unite(s, x, y, w)
}

// unite links x and y, whose low bits are the same, if these are all: what is
// linked to y is x plus a constant, too. It reports false where they differ by
// another constant already.
func (c *checker[E]) unite(s *state[E], x, y *reg[E], w ir.Width) bool {
	if w != ir.W64 && !(c.fits(x.Val, w) && c.fits(y.Val, w)) {
		return true
	}
	c.linked(s, x)
	c.linked(s, y)
	id, d, fits := y.ID, int64(x.Off)-int64(y.Off), true
	if x.ID == 0 || id == 0 || x.ID == id {
		return x.ID == 0 || id == 0 || x.Off == y.Off
	}
	s.Each(func(r *reg[E]) {
		off := int64(r.Off) + d
		fits = fits && (r.Kind != invariant.Scalar || r.ID != id || off == int64(int32(off)))
	})
	s.Each(func(r *reg[E]) {
		if fits && r.Kind == invariant.Scalar && r.ID == id {
			r.ID, r.Off = x.ID, int32(int64(r.Off)+d)
		}
	})
	return true
}

// disjoint returns what x and y can be where they share no bit: what is known to
// be set in one is clear in the other.
func (c *checker[E]) disjoint(w ir.Width, x, y E) (E, E) {
	if c.d.Bounds(ir.W1, c.d.Cmp(sem.SET, w, x, y)).UMin == 1 {
		return c.bot, c.bot
	}
	without := func(e, other E) E {
		b := c.d.Bounds(w, other)
		if b.UMin != b.UMax {
			return e
		}
		return c.d.Meet(w, e, c.d.Bin(sem.And, w, e, c.d.Const(w, ^b.UMin&w.Mask())))
	}
	return without(x, y), without(y, x)
}

// back returns the 64-bit e whose low w bits, which were old, are now.
func (c *checker[E]) back(w ir.Width, e, old, now E) E {
	switch {
	case now == old:
		return e
	case w == ir.W64:
		return now
	case c.fits(e, w):
		return c.d.Meet(ir.W64, e, c.d.Resize(now, w, ir.W64, false))
	}
	return absint.RefineLow[E](c.d, ir.W64, w, e, now)
}

// narrow takes the words of r to those of val, too, and all that is linked to it.
func (c *checker[E]) narrow(s *state[E], r *reg[E], val E) bool {
	if val == r.Val {
		return true
	}
	val = c.d.Meet(ir.W64, r.Val, val)
	r.Val = val
	possible := val != c.bot
	if r.ID == 0 || !possible {
		return possible
	}
	s.Each(func(o *reg[E]) {
		if o != r && o.Kind == invariant.Scalar && o.ID == r.ID {
			o.Val = c.d.Meet(ir.W64, o.Val, c.add(val, int64(o.Off)-int64(r.Off)))
			possible = possible && o.Val != c.bot
		}
	})
	return possible
}
