package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// stepper makes the states after an instruction. The obligations were decided
// to hold; it cannot refuse.
type stepper[E comparable] struct {
	w       words[E]
	prog    *ir.Program
	ctx     *abi.Context
	lastID  uint32
	coarse  bool    // numbers that nothing needs are forgotten at cut points
	forgot  bool    // that has happened
	reached []int64 // by function: bytes of stack that were touched

	seen, again []uint32 // of dropSingles
}

func (t *stepper[E]) newID() uint32 {
	t.lastID++
	return t.lastID
}

// number returns an unlinked scalar.
func number[E comparable](val E) reg[E] { return reg[E]{kind: scalar, val: val} }

// step executes an instruction that does not branch, call or return, on s.
func (t *stepper[E]) step(s *state[E], in ir.Insn) {
	switch in.Kind() {
	case ir.KindALU, ir.KindSwap:
		t.alu(s.top(), in)
	case ir.KindLoadImm:
		t.loadImm(s.top(), in)
	case ir.KindLoad, ir.KindLoadAcquire:
		t.load(s, in)
	case ir.KindStore, ir.KindStoreRelease:
		t.store(s, in)
	case ir.KindAtomic:
		t.atomic(s, in)
	case ir.KindLoadPacket:
		t.clobber(s.top(), number(t.w.anyOf(in.Row().Width)))
	case ir.KindCall:
		t.helper(s, in)
	}
}

// clobber sets the result of a call and makes r1 to r5 unreadable.
func (t *stepper[E]) clobber(fr *frame[E], r0 reg[E]) {
	for n := ir.R1; n <= ir.R5; n++ {
		fr.regs[n] = reg[E]{}
	}
	fr.regs[ir.R0] = r0
}

func (t *stepper[E]) loadImm(fr *frame[E], in ir.Insn) {
	index, off, isMap := in.Map()
	r := number(t.w.num(uint64(in.Imm)))
	if isMap {
		r = reg[E]{kind: mapPtr, index: int32(index), val: t.w.zero}
		if p := in.Row().Pseudo; p == ir.PseudoMapValue || p == ir.PseudoMapIdxV {
			r.kind, r.off = mapValue, int32(off)
		}
	}
	fr.regs[in.Dst] = r
}

// load sets the destination to what memory holds.
func (t *stepper[E]) load(s *state[E], in ir.Insn) {
	row := in.Row()
	fr := s.top()
	r := t.loaded(s, &fr.regs[in.Src], in)
	if row.Signed && r.kind == scalar {
		cut := t.w.d.Resize(r.val, ir.W64, row.Width, false)
		r = number(t.w.d.Resize(cut, row.Width, ir.W64, true))
	}
	fr.regs[in.Dst] = r
}

// loaded returns the memory at base + in.Off, zero-extended.
//
// Sound: stack bytes are what the frame says; the context's pointer fields are
// the packet's; all other memory may hold any number of that width.
func (t *stepper[E]) loaded(s *state[E], base *reg[E], in ir.Insn) reg[E] {
	width := in.Row().Width
	switch base.kind {
	case stackPtr:
		off, ok := t.w.fixed(base)
		if !ok {
			break
		}
		i, j := place(off + int64(in.Off))
		t.touch(s, base.frame, off+int64(in.Off))
		fr := &s.frames[base.frame]
		if i >= len(fr.stack) {
			break
		}
		return t.w.fill(&fr.stack[i], j, width.Bytes())
	case ctxPtr:
		f := t.ctx.Field(int(in.Off), width.Bytes())
		if f == nil {
			break
		}
		switch f.Kind {
		case abi.PacketPtr:
			return reg[E]{kind: packetPtr, val: t.w.zero}
		case abi.PacketMeta:
			return reg[E]{kind: packetMeta, val: t.w.zero}
		case abi.PacketEnd:
			return reg[E]{kind: packetEnd, val: t.w.zero}
		}
	}
	return number(t.w.anyOf(width))
}

// store writes the source register or the immediate to memory.
func (t *stepper[E]) store(s *state[E], in ir.Insn) {
	fr := s.top()
	v := number(t.w.num(uint64(in.Imm)))
	if in.Row().Src == ir.X || in.Kind() == ir.KindStoreRelease {
		r := &fr.regs[in.Src]
		t.link(r)
		v = *r
	}
	t.write(s, &fr.regs[in.Dst], int64(in.Off), in.Row().Width.Bytes(), &v)
}

// link gives a scalar that is not a known number an id, so that copies of it
// learn what is learnt of one.
func (t *stepper[E]) link(r *reg[E]) {
	if r.kind != scalar || r.id != 0 {
		return
	}
	if _, ok := t.w.constant(r.val); !ok {
		r.id, r.off = t.newID(), 0
	}
}

// write stores the low size bytes of v at base + off. Only stacks are
// modelled.
//
// Sound: at a known offset the bytes are exactly those; at an unknown one every
// byte that the store may touch is smeared.
func (t *stepper[E]) write(s *state[E], base *reg[E], off int64, size int, v *reg[E]) {
	if base.kind != stackPtr {
		return
	}
	fr := &s.frames[base.frame]
	if at, ok := t.w.fixed(base); ok {
		i, j := place(at + off)
		t.touch(s, base.frame, at+off)
		t.w.spill(fr.grow(i), j, size, v)
		return
	}
	lo, hi, _ := t.w.span(base)
	t.touch(s, base.frame, lo+off)
	fr.smear(lo+off, hi+off+int64(size), false, v.kind == scalar && v.val == t.w.zero)
}

// touch notes how deep the function's stack is used.
func (t *stepper[E]) touch(s *state[E], frame uint8, off int64) {
	f := s.frames[frame].fn
	t.reached[f] = max(t.reached[f], -off)
}

// atomic executes a read-modify-write. Memory then holds any number; a
// fetching operation returns what was there.
func (t *stepper[E]) atomic(s *state[E], in ir.Insn) {
	row := in.Row()
	fr := s.top()
	base := fr.regs[in.Dst]
	old := t.loaded(s, &base, in)
	result := number(t.w.anyOf(row.Width))
	if src := &fr.regs[in.Src]; old.kind == scalar && src.kind == scalar {
		n := sem.Atomic[E](t.w.d, row.Atomic, row.Width, t.cut(old.val, row.Width), src.val, t.compared(fr))
		result = number(t.w.d.Resize(n, row.Width, ir.W64, false))
	}
	t.write(s, &base, int64(in.Off), row.Width.Bytes(), &result)
	switch {
	case row.Atomic == ir.AtomicCmpXchg:
		fr.regs[ir.R0] = old
	case row.Fetch:
		fr.regs[in.Src] = old
	}
}

// cut returns the low bits of a 64-bit element as an element of that width.
func (t *stepper[E]) cut(e E, w ir.Width) E {
	if w == ir.W64 {
		return e
	}
	return t.w.d.Resize(e, ir.W64, w, false)
}

// compared returns r0 as a number, for cmpxchg.
func (t *stepper[E]) compared(fr *frame[E]) E {
	if r := &fr.regs[ir.R0]; r.kind == scalar {
		return r.val
	}
	return t.w.top
}

// helper executes a helper call: memory that it may write holds any number,
// packet pointers are lost if it moves the packet, r1 to r5 are clobbered.
func (t *stepper[E]) helper(s *state[E], in ir.Insn) {
	h, _ := abi.LookupHelper(abi.HelperID(in.Imm))
	fr := s.top()
	r0 := t.returned(fr, h)
	for i, a := range h.Args {
		r := &fr.regs[ir.R1+ir.Reg(i)]
		switch a {
		case abi.ArgUninitMem:
			b := t.w.bounds(fr.regs[ir.R2+ir.Reg(i)].val)
			t.helperAccess(s, r, int64(b.UMin), int64(b.UMax), true)
		case abi.ArgMem, abi.ArgMemOrNull:
			b := t.w.bounds(fr.regs[ir.R2+ir.Reg(i)].val)
			t.helperAccess(s, r, 0, int64(b.UMax), false)
		case abi.ArgMapKey:
			t.helperAccess(s, r, 0, int64(mapOf(t.prog, fr, h).KeySize), false)
		case abi.ArgMapValue:
			t.helperAccess(s, r, 0, int64(mapOf(t.prog, fr, h).ValueSize), false)
		case abi.ArgUninitValue:
			n := int64(mapOf(t.prog, fr, h).ValueSize)
			t.helperAccess(s, r, n, n, true)
		}
	}
	if h.MovesData {
		s.each(func(r *reg[E]) {
			if r.packet() || r.kind == packetEnd {
				*r = number(t.w.top)
			}
		})
	}
	t.clobber(fr, r0)
}

// helperAccess does what a helper does to a stack: it writes between least and
// most bytes at r, or reads them.
func (t *stepper[E]) helperAccess(s *state[E], r *reg[E], least, most int64, writes bool) {
	if r.kind != stackPtr || most == 0 {
		return
	}
	lo, hi, _ := t.w.span(r)
	t.touch(s, r.frame, lo)
	if !writes {
		return
	}
	fr := &s.frames[r.frame]
	if lo == hi {
		fr.smear(lo, lo+least, true, false)
		fr.smear(lo+least, lo+most, false, false)
		return
	}
	fr.smear(lo, hi+most, false, false)
}

// returned gives r0 after the helper. A tail call that succeeds does not return,
// and the program it goes to was verified by itself; one that fails returns a
// number.
func (t *stepper[E]) returned(fr *frame[E], h *abi.Helper) reg[E] {
	switch h.Ret {
	case abi.RetVoid:
		return reg[E]{}
	case abi.RetMapValueOrNull:
		for i, a := range h.Args {
			if r := &fr.regs[ir.R1+ir.Reg(i)]; a == abi.ArgMap {
				return reg[E]{kind: mapValue, null: true, index: r.index, id: t.newID(), val: t.w.zero}
			}
		}
	}
	return number(t.w.top)
}
