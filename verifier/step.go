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
	kern    *kernel
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

// step executes the instruction at pc, which does not branch, call a function
// of the program or return, on s.
func (t *stepper[E]) step(s *state[E], pc ir.PC, in ir.Insn) {
	switch in.Kind() {
	case ir.KindALU, ir.KindSwap:
		t.alu(s.top(), in)
	case ir.KindLoadImm:
		t.loadImm(s.top(), pc, in)
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

func (t *stepper[E]) loadImm(fr *frame[E], pc ir.PC, in ir.Insn) {
	index, off, isMap := in.Map()
	r := number(t.w.num(uint64(in.Imm)))
	if isMap {
		r = reg[E]{kind: mapPtr, index: int32(index), val: t.w.zero}
		if p := in.Row().Pseudo; p == ir.PseudoMapValue || p == ir.PseudoMapIdxV {
			r.kind, r.off = mapValue, int32(off)
		}
	}
	if in.Row().Pseudo == ir.PseudoFunc {
		target, _ := in.Target(pc)
		r = reg[E]{kind: funcPtr, index: int32(target), val: t.w.zero}
	}
	if isVar(&in) {
		r = t.variable(pc)
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
	case btfPtr:
		return t.member(s, base, in)
	case mapPtr:
		return t.mapField(s, base, in)
	case ctxPtr:
		if t.kern.hook != nil {
			return t.hookArg(int(in.Off)+int(base.off), width)
		}
		if f := t.ctx.Field(int(in.Off), width.Bytes()); f != nil && f.Kind != abi.Scalar {
			return t.field(f)
		}
	case mapValue:
		if f := t.w.kptrAt(t.prog, base, int64(in.Off), int64(width.Bytes())); f != nil {
			return t.loadKptr(s, f)
		}
		if x, ok := t.constantAt(base, int64(in.Off), width.Bytes()); ok {
			return number(x)
		}
	}
	return number(t.w.anyOf(width))
}

// fieldPtrs gives what the context's pointer fields hold.
var fieldPtrs = [...]struct {
	kind kind
	obj  abi.ObjectKind
	null bool
}{
	abi.PacketPtr:        {kind: packetPtr},
	abi.PacketMeta:       {kind: packetMeta},
	abi.PacketEnd:        {kind: packetEnd},
	abi.SocketPtr:        {kind: objPtr, obj: abi.Socket},
	abi.SocketOrNull:     {kind: objPtr, obj: abi.Socket, null: true},
	abi.SockCommonOrNull: {kind: objPtr, obj: abi.SockCommon, null: true},
	abi.FlowKeysPtr:      {kind: flowKeys},
	abi.BufferPtr:        {kind: bufferPtr},
}

func (t *stepper[E]) field(of *abi.Field) reg[E] {
	if of.Kind == abi.Object {
		id, _ := t.kern.objectField(of.Name)
		return t.w.structPtr(id, trusted)
	}
	f := &fieldPtrs[of.Kind]
	r := reg[E]{kind: f.kind, index: int32(f.obj), null: f.null, val: t.w.zero}
	if f.null {
		r.id = t.newID()
	}
	return r
}

// maxConstants bounds the places that a load of constants may choose from.
const maxConstants = 256

// constantAt returns what size bytes at base + off are in a map whose contents
// never change: the little-endian numbers at all places where they may lie, if
// these are few.
//
// Sound: a frozen map holds what it was loaded with, and the address is one of
// the members of base.val.
func (t *stepper[E]) constantAt(base *reg[E], off int64, size int) (x E, ok bool) {
	m := specOf(t.prog, base)
	if !m.Frozen || base.index < 0 || m.MaxEntries != 1 || len(m.Contents) != 1 {
		return x, false
	}
	off += int64(base.off)
	v, b := m.Contents[0].Value, t.w.bounds(base.val)
	if b.SMin < -maxVar || b.SMax > maxVar || b.SMax-b.SMin >= maxConstants || b.SMin+off < 0 || b.SMax+off+int64(size) > int64(len(v)) {
		return x, false
	}
	x = t.w.bot
	for at := b.SMin; at <= b.SMax; at++ {
		if b.SMin == b.SMax || t.w.d.Contains(ir.W64, base.val, uint64(at)) {
			x = t.w.d.Join(ir.W64, x, t.w.num(ir.Word(v[at+off:], ir.Width(8*size))))
		}
	}
	return x, x != t.w.bot
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
		t.spoil(s, base.frame, at+off, at+off+int64(size))
		t.w.spill(fr.grow(i), j, size, v)
		return
	}
	lo, hi, _ := t.w.span(base)
	t.touch(s, base.frame, lo+off)
	t.spoil(s, base.frame, lo+off, hi+off+int64(size))
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
