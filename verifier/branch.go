package verifier

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// branch makes the state in which the branch goes the given way. It changes s
// and reports whether that way is possible at all.
func (t *stepper[E]) branch(s *state[E], in ir.Insn, taken bool) bool {
	fr := s.top()
	row := in.Row()
	x, y := fr.regs[in.Dst], number(t.w.num(uint64(in.Imm)))
	if row.Src == ir.X {
		y = fr.regs[in.Src]
	}
	if x.kind == scalar && y.kind == scalar {
		return t.refine(s, in, taken)
	}
	if row.Width != ir.W64 {
		return true
	}
	if x.pointer() && y.kind == scalar && y.val == t.w.zero {
		return t.nullCheck(s, &x, row.Cmp, taken)
	}
	if row.Src == ir.X {
		if equal := (row.Cmp == ir.JEQ) == taken; equal && (row.Cmp == ir.JEQ || row.Cmp == ir.JNE) {
			t.samePointer(s, &x, &y)
		}
		return t.packetCheck(s, in, taken)
	}
	return true
}

// samePointer follows that two pointers are equal: where one of them is not
// null, neither is the other.
func (t *stepper[E]) samePointer(s *state[E], x, y *reg[E]) {
	if !x.pointer() || !y.pointer() {
		return
	}
	if x.null && t.w.notNull(y) {
		t.resolve(s, x.id, x.ref, false)
	}
	if y.null && t.w.notNull(x) {
		t.resolve(s, y.id, y.ref, false)
	}
}

// nullCheck follows pointer == 0 and pointer != 0.
//
// Sound: all pointers with the id are null, or none is. Objects do not lie at
// address 0, so a pointer to the start of one is not null.
func (t *stepper[E]) nullCheck(s *state[E], p *reg[E], op ir.CmpOp, taken bool) bool {
	if op != ir.JEQ && op != ir.JNE {
		return true
	}
	isNull := (op == ir.JEQ) == taken
	if !p.null {
		return !(t.w.notNull(p) && isNull)
	}
	t.resolve(s, p.id, p.ref, isNull)
	return true
}

// resolve decides whether the pointers with the id are null, of which one lives
// by the reference ref.
func (t *stepper[E]) resolve(s *state[E], id, ref uint32, isNull bool) {
	if isNull && ref == id {
		s.drop(id) // there was nothing to hold
	}
	s.each(func(r *reg[E]) {
		if !r.null || r.id != id {
			return
		}
		if isNull {
			*r = number(t.w.zero)
			return
		}
		r.null = false
		if r.kind != mapValue || specOf(t.prog, r).FieldOf(ir.SpinLockField) == nil {
			r.id = 0
		}
	})
}

// notZero lists the kinds of objects that do not lie at address 0.
var notZero = [numKinds]bool{mapPtr: true, mapValue: true, mapKey: true, objPtr: true, memPtr: true, recordPtr: true, slicePtr: true}

// notNull reports whether the pointer is known not to be 0: the start of an
// object.
func (w *words[E]) notNull(p *reg[E]) bool {
	off, ok := w.fixed(p)
	return !p.null && ok && off == 0 && (notZero[p.kind] || p.kind == btfPtr && p.reliable())
}

// maxPacket bounds the offsets into a packet for which comparisons tell
// something (MAX_PACKET_OFF): far less than would wrap an address around.
const maxPacket = 0xffff

// packetCheck follows a comparison of a packet pointer with the packet's end,
// or of a metadata pointer with the packet's start. It reports false where the
// pointer's range says that it comes out the other way.
//
// Sound: where p <= end holds for p = object + var + off, the bytes before off
// are there from object + var; where p < end, one more. All pointers with p's
// id have the same var. var is in [0, maxPacket], so no address wraps around.
// Otherwise p itself is at the end or beyond it.
func (t *stepper[E]) packetCheck(s *state[E], in ir.Insn, taken bool) bool {
	regs := &s.top().regs
	p, op := &regs[in.Dst], in.Row().Cmp
	if !before(p, &regs[in.Src]) {
		p, op = &regs[in.Src], flip(op)
		if !before(p, &regs[in.Dst]) {
			return true
		}
	}
	b := t.w.bounds(p.val)
	if b.SMin < 0 || b.UMax > maxPacket || p.off < 0 || int64(b.UMax)+int64(p.off) > maxPacket {
		return true
	}
	strict := op == ir.JLT || op == ir.JGE // p < end decides, otherwise p <= end
	switch op {
	case ir.JGT, ir.JGE:
		taken = !taken
	case ir.JLT, ir.JLE:
	default:
		return true
	}
	room, end := p.off, int32(beyondEnd)
	if strict {
		room, end = p.off+1, atEnd
	}
	if !taken {
		if p.rng >= room && p.rng > 0 {
			return false
		}
		if p.rng <= 0 {
			p.rng = min(p.rng, end)
		}
		return true
	}
	if p.rng <= end {
		return false
	}
	k, id := p.kind, p.id
	s.each(func(r *reg[E]) {
		if r.kind == k && r.id == id {
			r.rng = max(r.rng, room)
		}
	})
	return true
}

// before reports whether y is the end of what x points into.
func before[E comparable](x, y *reg[E]) bool {
	switch x.kind {
	case packetPtr:
		return y.kind == packetEnd
	case packetMeta:
		return y.kind == packetPtr && y.off == 0 && y.id == 0
	}
	return false
}

func flip(op ir.CmpOp) ir.CmpOp {
	switch op {
	case ir.JGT:
		return ir.JLT
	case ir.JGE:
		return ir.JLE
	case ir.JLT:
		return ir.JGT
	case ir.JLE:
		return ir.JGE
	}
	return op
}

// refine follows a comparison of two numbers. It reports false where no values
// make it come out that way.
//
// Sound: the domain's Refine keeps every pair for which the comparison holds;
// in 32 bits it speaks of the low halves, and RefineLow brings that back to
// the registers. What is linked to an operand is that operand plus a
// constant, so it is refined by the same amount.
func (t *stepper[E]) refine(s *state[E], in ir.Insn, taken bool) bool {
	fr := s.top()
	row := in.Row()
	x, y := fr.regs[in.Dst], number(t.w.num(uint64(in.Imm)))
	if row.Src == ir.X {
		y = fr.regs[in.Src]
		if linked := in.Dst == in.Src || x.id != 0 && x.id == y.id && x.off == y.off; linked {
			if known, holds := reflexive(row.Cmp); known {
				return holds == taken
			}
		}
	}
	nx, ny := t.constrain(row.Cmp, row.Width, x.val, y.val, taken)
	if nx == t.w.bot || ny == t.w.bot {
		return false
	}
	if nx != x.val && !t.learn(s, in.Dst, nx) {
		return false
	}
	if row.Src != ir.X || in.Dst == in.Src {
		return true
	}
	if ny != y.val && !t.learn(s, in.Src, ny) {
		return false
	}
	if (row.Cmp == ir.JEQ) == taken && (row.Cmp == ir.JEQ || row.Cmp == ir.JNE) {
		return t.unite(s, &fr.regs[in.Dst], &fr.regs[in.Src], row.Width)
	}
	return true
}

// unite links two registers whose low bits were found to be equal, if these are
// all of them. It reports false where they cannot be.
//
// Sound: from x = a + x.off, y = b + y.off and x = y follows b = a + x.off -
// y.off, for all that is linked to y.
func (t *stepper[E]) unite(s *state[E], x, y *reg[E], w ir.Width) bool {
	_, known := t.w.constant(x.val)
	if _, other := t.w.constant(y.val); known || other || w != ir.W64 && !(t.w.fits(x.val, w) && t.w.fits(y.val, w)) {
		return true
	}
	t.link(x)
	t.link(y)
	if x.id == y.id {
		return x.off == y.off
	}
	id, d := y.id, int64(x.off)-int64(y.off)
	if d != 0 {
		inside := true
		s.each(func(r *reg[E]) {
			off := int64(r.off) + d
			inside = inside && (r.kind != scalar || r.id != id || off == int64(int32(off)))
		})
		if !inside {
			return true
		}
	}
	s.each(func(r *reg[E]) {
		if r.kind == scalar && r.id == id {
			r.id, r.off = x.id, int32(int64(r.off)+d)
		}
	})
	return true
}

// oneWay tells the only way that a comparison of two numbers can go, as far as
// their bounds tell.
func (t *stepper[E]) oneWay(fr *frame[E], in ir.Insn) (taken, known bool) {
	row := in.Row()
	x := &fr.regs[in.Dst]
	if x.kind != scalar {
		return false, false
	}
	a := t.w.bounds(x.val)
	imm := uint64(in.Imm)
	b := absint.Bounds{UMin: imm, UMax: imm, SMin: in.Imm, SMax: in.Imm}
	if row.Src == ir.X {
		y := &fr.regs[in.Src]
		if y.kind != scalar {
			return false, false
		}
		b = t.w.bounds(y.val)
	}
	if row.Width != ir.W64 { // numbers below 2^31 are the same in 32 bits, in both orders
		const small = 1<<31 - 1
		if row.Width != ir.W32 || a.UMax > small || b.UMax > small {
			return false, false
		}
	}
	switch row.Cmp {
	case ir.JEQ, ir.JNE:
		apart := a.UMax < b.UMin || b.UMax < a.UMin || a.SMax < b.SMin || b.SMax < a.SMin
		same := a.UMin == a.UMax && b.UMin == b.UMax && a.UMin == b.UMin
		return same == (row.Cmp == ir.JEQ), apart || same
	case ir.JLT, ir.JGE:
		return (a.UMax < b.UMin) == (row.Cmp == ir.JLT), a.UMax < b.UMin || a.UMin >= b.UMax
	case ir.JGT, ir.JLE:
		return (a.UMin > b.UMax) == (row.Cmp == ir.JGT), a.UMin > b.UMax || a.UMax <= b.UMin
	case ir.JSLT, ir.JSGE:
		return (a.SMax < b.SMin) == (row.Cmp == ir.JSLT), a.SMax < b.SMin || a.SMin >= b.SMax
	case ir.JSGT, ir.JSLE:
		return (a.SMin > b.SMax) == (row.Cmp == ir.JSGT), a.SMin > b.SMax || a.SMax <= b.SMin
	}
	return false, false
}

// reflexive tells what x op x gives, where that is always the same.
func reflexive(op ir.CmpOp) (known, holds bool) {
	switch op {
	case ir.JEQ, ir.JGE, ir.JLE, ir.JSGE, ir.JSLE:
		return true, true
	case ir.JNE, ir.JGT, ir.JLT, ir.JSGT, ir.JSLT:
		return true, false
	}
	return false, false
}

// constrain returns what x and y can be where x op y holds, or where it does
// not.
func (t *stepper[E]) constrain(op ir.CmpOp, w ir.Width, x, y E, taken bool) (E, E) {
	lx, ly := t.cut(x, w), t.cut(y, w)
	cmp := sem.Comparison(op)
	if !taken {
		not, ok := cmp.Not()
		if !ok {
			return t.disjoint(w, x, y)
		}
		cmp = not
	}
	nx, ny := t.w.d.Refine(cmp, w, lx, ly)
	return t.widenTo(w, x, lx, nx), t.widenTo(w, y, ly, ny)
}

// disjoint returns what x and y can be where x & y == 0 in w bits.
//
// Sound: each bit that is known to be 1 in one of them is 0 in the other, so
// each equals itself without the known ones of the other; a known number has
// all its ones known.
func (t *stepper[E]) disjoint(w ir.Width, x, y E) (E, E) {
	lx, ly := t.cut(x, w), t.cut(y, w)
	clear := func(e, other E) E {
		b := t.w.d.Bounds(w, other)
		if b.UMin != b.UMax {
			return e
		}
		return t.w.d.Meet(w, e, t.w.d.Bin(sem.And, w, e, t.w.d.Const(w, ^b.UMin&w.Mask())))
	}
	both := t.w.d.Cmp(sem.SET, w, lx, ly)
	if t.w.d.Bounds(ir.W1, both).UMin == 1 {
		return t.w.bot, t.w.bot
	}
	return t.widenTo(w, x, lx, clear(lx, ly)), t.widenTo(w, y, ly, clear(ly, lx))
}

// widenTo returns the 64-bit e with what was learnt of its low w bits: that
// they are words of now, where they were of old.
func (t *stepper[E]) widenTo(w ir.Width, e, old, now E) E {
	switch {
	case now == t.w.bot:
		return now
	case now == old:
		return e
	case w == ir.W64:
		return now
	}
	if t.w.fits(e, w) { // the upper bits are 0: e is its low bits
		return t.w.d.Meet(ir.W64, e, t.w.d.Resize(now, w, ir.W64, false))
	}
	return absint.RefineLow[E](t.w.d, ir.W64, w, e, now)
}

// learn narrows a register of the running function to val, and all that is
// linked to it. It reports false where that leaves nothing.
func (t *stepper[E]) learn(s *state[E], n ir.Reg, val E) bool {
	src := &s.top().regs[n]
	id, off := src.id, src.off
	val = t.w.d.Meet(ir.W64, src.val, val)
	src.val = val
	possible := val != t.w.bot
	if id == 0 || !possible {
		return possible
	}
	s.each(func(r *reg[E]) {
		if r.kind != scalar || r.id != id || r == src {
			return
		}
		r.val = t.w.d.Meet(ir.W64, r.val, t.w.addNum(val, int64(r.off)-int64(off)))
		if r.val == t.w.bot {
			possible = false
		}
	})
	return possible
}
