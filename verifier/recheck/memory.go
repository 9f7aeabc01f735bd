package recheck

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// access is what an instruction or a helper does to memory: it touches size
// bytes at the pointer plus off.
type access struct {
	off, size                     int64
	read, write, atomic, byHelper bool
}

// allowed checks an access through r.
//
// Sound: the address is object + Off + a member of Val + off; the least and the
// greatest of these sums lie in the object, and nothing wraps around.
func (c *checker[E]) allowed(s *state[E], r *reg[E], a access) error {
	if r.Null || !alive(s, r) {
		return refuse("access through %v, which may be null or gone", *r)
	}
	lo, hi, ok := c.span(r)
	lo, hi = lo+a.off, hi+a.off+a.size
	within := func(least, most int64) error {
		if !ok || lo < least || hi > most {
			return refuse("access of %d bytes at %d through %v, outside of [%d, %d)", a.size, a.off, *r, least, most)
		}
		return nil
	}
	var base int64
	if r.InPacket() {
		base = 2 // where the kernel takes packets to start (NET_IP_ALIGN)
	}
	if a.atomic && (r.InPacket() || r.Kind == invariant.Ctx || r.Kind == invariant.FlowKeys || r.Kind == invariant.Object) {
		return refuse("atomic access through %v", *r)
	}
	if !a.byHelper && (r.Kind == invariant.Stack || a.atomic || c.set.Policy.StrictAlignment) && !c.aligned(r, base+a.off, a.size) {
		return refuse("misaligned access of %d bytes at %d through %v", a.size, a.off, *r)
	}
	switch r.Kind {
	case invariant.Stack:
		return within(-ir.StackSize, 0)
	case invariant.Packet, invariant.PacketMeta:
		at := int64(r.Off) + a.off
		if at >= 0 && at+a.size <= int64(r.Range) && c.bounds(r.Val).SMin >= 0 && (!a.write || c.ctx.PacketWritable) {
			return nil
		}
		return refuse("access of %d bytes at %d through %v", a.size, a.off, *r)
	case invariant.MapValue:
		return c.valueAccess(r, a, lo, hi, within)
	case invariant.MapKey:
		if a.write {
			return refuse("a key is written")
		}
		return within(0, int64(c.prog.MapAt(r.Index).KeySize))
	case invariant.Memory, invariant.RingRecord:
		return within(0, int64(r.Index))
	}
	if a.byHelper {
		return refuse("a helper accesses memory through %v", *r)
	}
	at, exact := c.exact(r)
	if !exact {
		return refuse("access at an unknown place through %v", *r)
	}
	layout, known := c.ctx, true
	switch r.Kind {
	case invariant.Object:
		if layout, known = abi.LookupObject(abi.ObjectKind(r.Index)); !known {
			return unknown("a structure of the kernel")
		}
		fallthrough
	case invariant.Ctx:
		f, ok := layout.Allows(int(at+a.off), int(a.size), a.write)
		if ok && f != nil && f.Kind == abi.Object {
			return unknown("the pointer in context field %s", f.Name)
		}
		if ok && (!a.write || r.Kind == invariant.Ctx) {
			return nil
		}
	case invariant.FlowKeys:
		return within(0, abi.FlowKeysSize)
	case invariant.Buffer: // the attach point compares the greatest offset with the size
		return within(0, maxVar)
	case invariant.Map:
		return unknown("a map's own fields")
	}
	return refuse("access of %d bytes at %d through %v", a.size, a.off, *r)
}

// aligned reports whether the pointer plus off is a multiple of size.
func (c *checker[E]) aligned(r *reg[E], off, size int64) bool {
	if size <= 1 {
		return true
	}
	rest := c.d.Bin(sem.And, ir.W64, c.add(r.Val, int64(r.Off)+off), c.num(size-1))
	return c.bounds(rest).UMax == 0
}

// valueAccess checks an access to a map's value, which touches bytes of [lo, hi)
// at most.
func (c *checker[E]) valueAccess(r *reg[E], a access, lo, hi int64, within func(least, most int64) error) error {
	m := c.prog.MapAt(r.Index)
	switch {
	case m.Opaque:
		return unknown("kernel objects in map values")
	case a.write && abi.MapReadOnly(m), a.read && m.Flags&abi.MapWriteOnlyProg != 0:
		return refuse("map %q does not allow it", m.Name)
	}
	if err := within(0, int64(m.ValueSize)); err != nil {
		return err
	}
	if f := m.Special(lo, hi); f != nil {
		if f.Kind == ir.OtherField || f.Kind == ir.KptrField {
			return unknown("%s in a map value", f.Kind)
		}
		return refuse("access to the %s at %d of a map value", f.Kind, f.Off)
	}
	return nil
}

// load executes a load, plain or with acquire order.
func (c *checker[E]) load(s *state[E], in ir.Insn) error {
	row := in.Row()
	fr := s.Top()
	base := fr.Regs[in.Src]
	a := access{off: int64(in.Off), size: int64(row.Width.Bytes()), read: true, atomic: row.Kind == ir.KindLoadAcquire}
	if err := c.allowed(s, &base, a); err != nil {
		return err
	}
	r := c.content(s, &base, int64(in.Off), row.Width)
	if row.Signed {
		if r.Pointer() {
			return refuse("sign extension of %v", r)
		}
		r = number(c.d.Resize(c.cut(r.Val, row.Width), row.Width, ir.W64, true))
	}
	fr.Regs[in.Dst] = r
	return nil
}

// content returns what memory holds at a place that may be read.
//
// Sound: the stack holds what its bytes claim, the context's fields what its
// table says, a frozen map what it was loaded with. Else it is any number.
func (c *checker[E]) content(s *state[E], base *reg[E], off int64, w ir.Width) reg[E] {
	at, hi, exact := c.span(base)
	if base.Kind == invariant.Stack {
		c.touch(s, base, at+off)
	}
	exact, at = exact && at == hi, at+off
	switch {
	case base.Kind == invariant.MapValue && base.Index >= 0:
		if v, ok := c.constants(base, off, w); ok {
			return number(v)
		}
	case !exact:
	case base.Kind == invariant.Stack:
		if fr := &s.Frames[base.Frame]; slotOf(at) < len(fr.Stack) {
			return c.filled(&fr.Stack[slotOf(at)], byteOf(at), w)
		}
	case base.Kind == invariant.Ctx:
		if f := c.ctx.Field(int(at), w.Bytes()); f != nil && f.Kind != abi.Scalar {
			p := fieldPointers[f.Kind]
			r := reg[E]{Kind: p.kind, Index: int32(p.object), Null: p.null, Val: c.zero}
			if r.Null {
				r.ID = s.Fresh()
			}
			return r
		}
	}
	return c.any(w)
}

// constants returns the words that lie at the places where base + off may lead,
// if these are few, in a map that is never written.
func (c *checker[E]) constants(base *reg[E], off int64, w ir.Width) (E, bool) {
	m, all := c.prog.MapAt(base.Index), c.bot
	lo, hi, ok := c.span(base)
	size := int64(w.Bytes())
	if !ok || hi-lo >= 256 || !m.Frozen || m.MaxEntries != 1 || len(m.Contents) != 1 || lo+off < 0 || hi+off+size > int64(len(m.Contents[0].Value)) {
		return all, false
	}
	for at := lo; at <= hi; at++ {
		if !c.d.Contains(ir.W64, base.Val, uint64(at-int64(base.Off))) {
			continue
		}
		all = c.d.Join(ir.W64, all, c.num(int64(ir.Word(m.Contents[0].Value[at+off:], w))))
	}
	return all, all != c.bot
}

// fieldPointers gives what the context's pointer fields hold.
var fieldPointers = [...]struct {
	kind   invariant.Kind
	object abi.ObjectKind
	null   bool
}{
	abi.PacketPtr: {kind: invariant.Packet}, abi.PacketEnd: {kind: invariant.PacketEnd}, abi.PacketMeta: {kind: invariant.PacketMeta},
	abi.FlowKeysPtr: {kind: invariant.FlowKeys}, abi.BufferPtr: {kind: invariant.Buffer},
	abi.SocketPtr: {invariant.Object, abi.Socket, false}, abi.SocketOrNull: {invariant.Object, abi.Socket, true},
	abi.SockCommonOrNull: {invariant.Object, abi.SockCommon, true},
}

// slotOf and byteOf split an offset from r10, in [-512, 0).
func slotOf(at int64) int { return int(-at-1) / invariant.SlotSize }
func byteOf(at int64) int { return int(at & (invariant.SlotSize - 1)) }

// touch notes how deep the stack of a frame's function is used.
func (c *checker[E]) touch(s *state[E], base *reg[E], at int64) {
	where := c.pc
	if n := int(base.Frame) + 1; n < len(s.Frames) {
		where = s.Frames[n].Site
	}
	f := c.prog.FuncAt(where)
	c.used[f] = max(c.used[f], -at)
}

// filled returns the w bits at byte j of a slot: the spill or a part of it,
// zeros, or any number.
func (c *checker[E]) filled(sl *slot[E], j int, w ir.Width) reg[E] {
	lo, n, size := int(sl.Lo), int(sl.N), w.Bytes()
	if n > 0 && j == lo && size == n {
		return sl.Spill
	}
	if n > 0 && sl.Spill.Kind == invariant.Scalar && j >= lo && j+size <= lo+n {
		v := sl.Spill.Val
		if j > lo {
			v = c.d.Bin(sem.LShr, ir.W64, v, c.num(int64(8*(j-lo))))
		}
		r := number(c.low(v, w))
		if j == lo && r.Val == sl.Spill.Val && c.fits(sl.Spill.Val, w) {
			r.ID, r.Off = sl.Spill.ID, sl.Spill.Off
		}
		return r
	}
	for k := j; k < j+size; k++ {
		if sl.Bytes[k] != invariant.Zero {
			return c.any(w)
		}
	}
	return number(c.zero)
}

// store executes a store, plain or with release order.
func (c *checker[E]) store(s *state[E], in ir.Insn) error {
	row := in.Row()
	fr := s.Top()
	if err := readable(fr, in.Dst); err != nil {
		return err
	}
	v := number(c.num(in.Imm))
	ordered := row.Kind == ir.KindStoreRelease
	if row.Src == ir.X || ordered {
		c.linked(s, &fr.Regs[in.Src])
		v = fr.Regs[in.Src]
	}
	base := fr.Regs[in.Dst]
	size := row.Width.Bytes()
	if err := c.allowed(s, &base, access{off: int64(in.Off), size: int64(size), write: true, atomic: ordered}); err != nil {
		return err
	}
	c.put(s, &base, int64(in.Off), size, &v)
	return nil
}

// put writes the low size bytes of v to memory; only the stack is followed.
func (c *checker[E]) put(s *state[E], base *reg[E], off int64, size int, v *reg[E]) {
	if base.Kind != invariant.Stack {
		return
	}
	lo, hi, _ := c.span(base)
	lo, hi = lo+off, hi+off
	c.touch(s, base, lo)
	fr := &s.Frames[base.Frame]
	if lo != hi {
		scatter(fr, lo, hi+int64(size), false, v.Kind == invariant.Scalar && v.Val == c.zero)
		return
	}
	sl, j := fr.Slot(slotOf(lo)), byteOf(lo)
	if sl.N > 0 {
		breakUp(sl)
	}
	kind := invariant.Misc
	switch w := ir.Width(8 * size); {
	case v.Pointer() && size == invariant.SlotSize:
		kind, sl.Lo, sl.N, sl.Spill = invariant.Spilled, 0, invariant.SlotSize, *v
	case v.Pointer():
	default:
		part := number(c.low(v.Val, w))
		if c.fits(v.Val, w) {
			part.ID, part.Off = v.ID, v.Off
		}
		if part.Val == c.zero {
			kind = invariant.Zero
			break
		}
		kind, sl.Lo, sl.N, sl.Spill = invariant.Spilled, uint8(j), uint8(size), part
	}
	for k := j; k < j+size; k++ {
		sl.Bytes[k] = kind
	}
}

// scatter writes to bytes of [lo, hi) from r10, to all of them if sure, to some
// otherwise: any bytes, or zeros. A byte either keeps what it held or gets what is
// written, and a spill that is hit is one no longer.
func scatter[E comparable](f *frame[E], lo, hi int64, sure, zeros bool) {
	for at := lo; at < hi; at++ {
		if !sure && slotOf(at) >= len(f.Stack) {
			continue // nothing is claimed of it
		}
		sl := f.Slot(slotOf(at))
		b := &sl.Bytes[byteOf(at)]
		if *b == invariant.Spilled {
			breakUp(sl)
		}
		switch {
		case sure && zeros:
			*b = invariant.Zero
		case sure, *b != invariant.Unwritten && !(zeros && *b == invariant.Zero):
			*b = invariant.Misc
		}
	}
}

// breakUp makes a spill plain bytes.
func breakUp[E comparable](sl *slot[E]) {
	for k := sl.Lo; k < sl.Lo+sl.N; k++ {
		sl.Bytes[k] = invariant.Misc
	}
	sl.Lo, sl.N, sl.Spill = 0, 0, reg[E]{}
}

// atomic executes a read-modify-write operation: memory takes the new word, and
// a fetching operation returns the old one.
func (c *checker[E]) atomic(s *state[E], in ir.Insn) error {
	row := in.Row()
	fr := s.Top()
	exchange := row.Atomic == ir.AtomicCmpXchg
	needs := []ir.Reg{in.Dst, in.Src, in.Src}
	if exchange {
		needs[2] = ir.R0
	}
	for _, n := range needs {
		if err := readable(fr, n); err != nil {
			return err
		}
	}
	base, src, r0 := fr.Regs[in.Dst], fr.Regs[in.Src], fr.Regs[ir.R0]
	size := row.Width.Bytes()
	if err := c.allowed(s, &base, access{off: int64(in.Off), size: int64(size), read: true, write: true, atomic: true}); err != nil {
		return err
	}
	old, now := c.content(s, &base, int64(in.Off), row.Width), c.any(row.Width)
	if old.Kind == invariant.Scalar && src.Kind == invariant.Scalar {
		with := c.top
		if r0.Kind == invariant.Scalar {
			with = r0.Val
		}
		x := sem.Atomic[E](c.d, row.Atomic, row.Width, c.cut(old.Val, row.Width), src.Val, with)
		now = number(c.d.Resize(x, row.Width, ir.W64, false))
	}
	c.put(s, &base, int64(in.Off), size, &now)
	switch {
	case exchange:
		fr.Regs[ir.R0] = old
	case row.Fetch:
		fr.Regs[in.Src] = old
	}
	return nil
}
