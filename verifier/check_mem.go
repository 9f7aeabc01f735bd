package verifier

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// checkAccess decides a load, a store or an atomic operation on the memory at
// ob.reg + in.Off.
func (c *checker[E]) checkAccess(s *state[E], in ir.Insn, ob *obligation) decision {
	r := &s.top().regs[ob.reg]
	size := int64(ob.size)
	if r.null {
		return refuse(NullDeref, "R%d invalid mem access '%s'", ob.reg, r.name())
	}
	if ob.mode&atomic != 0 && (r.kind == ctxPtr || r.packet() || r.kind == flowKeys || r.kind == objPtr) {
		return refuse(AtomicTarget, "BPF_ATOMIC stores into R%d %s is not allowed", ob.reg, r.name())
	}
	switch r.kind {
	case btfPtr:
		return c.checkStruct(r, in, ob)
	case ctxPtr:
		return c.checkCtx(r, in, ob)
	case stackPtr:
		return c.checkStack(s, r, in, ob)
	case packetPtr, packetMeta:
		if d := c.checkAligned(r, "packet", netIPAlign, int64(in.Off), ob); d.outcome != holds {
			return d
		}
		return c.checkPacket(r, ob.reg, int64(in.Off), size, ob.mode)
	case mapValue:
		if d := c.checkAligned(r, "value", 0, int64(in.Off), ob); d.outcome != holds {
			return d
		}
		if f := c.w.kptrAt(c.prog, r, int64(in.Off), size); f != nil {
			return c.checkKptr(s, f, in, ob)
		}
		return c.checkMapValue(r, ob.reg, int64(in.Off), size, ob.mode)
	case mapKey, memPtr, recordPtr, slicePtr:
		if d := c.checkAligned(r, "memory", 0, int64(in.Off), ob); d.outcome != holds {
			return d
		}
		return c.checkBlock(r, ob.reg, int64(in.Off), size, ob.mode)
	case objPtr:
		return c.checkObject(r, in, ob)
	case flowKeys, bufferPtr:
		if d := c.checkAligned(r, "memory", 0, int64(in.Off), ob); d.outcome != holds {
			return d
		}
		return c.checkConstant(r, ob.reg, int64(in.Off), size, ob.mode)
	case mapPtr:
		if at, ok := c.w.fixed(r); ok && at+int64(in.Off) < 0 {
			return refuse(BadDeref, "R%d is %s invalid negative access: off=%d", ob.reg, r.name(), at+int64(in.Off))
		}
		if !c.policy.Unprivileged {
			return c.checkMapFields(r, in, ob)
		}
	}
	return refuse(BadDeref, "R%d invalid mem access '%s'", ob.reg, r.name())
}

// netIPAlign is how far behind an aligned address the kernel takes a packet
// to start.
const netIPAlign = 2

// checkAligned demands natural alignment where the policy or an atomic
// operation does.
func (c *checker[E]) checkAligned(r *reg[E], what string, base, off int64, ob *obligation) decision {
	if !c.policy.StrictAlignment && ob.mode&atomic == 0 {
		return decision{}
	}
	return c.mustAlign(r, what, base, off, ob)
}

func (c *checker[E]) mustAlign(r *reg[E], what string, base, off int64, ob *obligation) decision {
	if c.w.aligned(r.val, base+int64(r.off)+off, int(ob.size)) {
		return decision{}
	}
	at := fmt.Sprintf("%d+%d+%d", base, r.off, off)
	if x, ok := c.w.constant(r.val); ok {
		at = fmt.Sprintf("%d+%d", int64(x)+base, int64(r.off)+off)
	}
	return refuse(Alignment, "misaligned %s access off %s size %d", what, at, ob.size)
}

// checkCtx decides an access to the context: through an unmodified pointer, to
// a field as the program type's table gives it.
func (c *checker[E]) checkCtx(r *reg[E], in ir.Insn, ob *obligation) decision {
	if d := c.checkAligned(r, "context", 0, int64(in.Off), ob); d.outcome != holds {
		return d
	}
	if _, ok := c.w.fixed(r); !c.ctx.Offsets || !ok {
		if d := c.plainPointer(r, ob.reg); d.outcome != holds {
			return d
		}
	}
	off, size := int64(in.Off), int(ob.size)
	if c.ctx.Offsets {
		off += int64(r.off)
	}
	if c.kern.hook != nil {
		if d := c.plainPointer(r, ob.reg); d.outcome != holds {
			return d
		}
		return c.kern.hook.check(int(off), size, ob.mode&write != 0)
	}
	bad := func() decision { return refuse(CtxAccess, "invalid bpf_context access off=%d size=%d", off, size) }
	if off != int64(int32(off)) {
		return bad()
	}
	f, ok := c.ctx.Allows(int(off), size, ob.mode&write != 0)
	switch {
	case !ok:
		return bad()
	case f == nil || f.Kind == abi.Scalar:
		return decision{}
	case f.Kind == abi.Object:
		if _, known := c.kern.objectField(f.Name); known {
			return decision{}
		}
		return noTypes("the pointer in context field %s", f.Name)
	case in.Row().Signed:
		return bad()
	}
	return decision{}
}

// checkObject decides an access to a kernel object: a read of a field.
func (c *checker[E]) checkObject(r *reg[E], in ir.Insn, ob *obligation) decision {
	if ob.mode&write != 0 {
		return refuse(BadDeref, "R%d cannot write into %s", ob.reg, r.name())
	}
	if d := c.plainPointer(r, ob.reg); d.outcome != holds {
		return d
	}
	layout, known := abi.LookupObject(abi.ObjectKind(r.index))
	if !known {
		return unmodelled("access to R%d, a structure of the kernel, is not modelled", ob.reg)
	}
	if _, ok := layout.Allows(int(in.Off), int(ob.size), false); !ok {
		return refuse(BadDeref, "R%d invalid %s access off=%d size=%d", ob.reg, r.name(), in.Off, ob.size)
	}
	return decision{}
}

// checkConstant decides an access to what is only accessed at known offsets:
// the flow keys, and a buffer of which the attach point checks the size.
func (c *checker[E]) checkConstant(r *reg[E], n ir.Reg, off, size int64, m mode) decision {
	at, ok := c.w.fixed(r)
	switch {
	case !ok:
		return refuse(BadDeref, "R%d invalid variable buffer offset: off=%d", n, r.off)
	case m&write != 0 && r.frame&readMem != 0:
		return refuse(BadDeref, "R%d cannot write into rdonly_buf", n)
	case at+off < 0 || r.kind == flowKeys && at+off+size > abi.FlowKeysSize:
		return refuse(BadDeref, "R%d invalid %s access: off=%d, size=%d", n, r.name(), at+off, size)
	}
	return decision{}
}

// checkBlock decides an access of size bytes at r + off: inside the memory for
// every member of the variable part.
func (c *checker[E]) checkBlock(r *reg[E], n ir.Reg, off, size int64, m mode) decision {
	total := int64(r.index)
	if r.kind == mapKey {
		total = int64(specOf(c.prog, r).KeySize)
		if m&write != 0 {
			return refuse(MapAccess, "write to change key R%d not allowed", n)
		}
	}
	if r.frame&perCPU != 0 {
		return refuse(BadDeref, "R%d invalid mem access 'percpu_mem'", n)
	}
	if m&write != 0 && r.frame&readMem != 0 {
		return refuse(MapAccess, "R%d cannot write into rdonly_mem", n)
	}
	lo, hi, ok := c.w.span(r)
	switch {
	case !ok && c.w.bounds(r.val).SMin >= 0:
		return refuse(MemBounds, "R%d unbounded memory access, make sure to bounds check any such access", n)
	case !ok, lo+off < 0 && lo != hi:
		return refuse(MemBounds, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.", n)
	case lo+off < 0, hi+off+size > total:
		return refuse(MemBounds, "invalid access to memory, mem_size=%d off=%d size=%d, R%d", total, hi+off, size, n)
	}
	return decision{}
}

// plainPointer demands that the pointer is exactly its object's address.
func (c *checker[E]) plainPointer(r *reg[E], n ir.Reg) decision {
	off, ok := c.w.fixed(r)
	switch {
	case !ok:
		return refuse(CtxAccess, "R%d variable %s access %v disallowed", n, r.name(), c.w.ranges(r.val))
	case off < 0:
		return refuse(CtxAccess, "negative offset %s ptr R%d off=%d disallowed", r.name(), n, off)
	case off != 0:
		return refuse(CtxAccess, "dereference of modified %s ptr R%d off=%d disallowed", r.name(), n, off)
	}
	return decision{}
}

// checkPacket decides an access of size bytes at r + off: inside the range that
// comparisons with the packet's end have shown to be there.
//
// Sound: the address is object + var + r.off + off with var >= 0 and
// r.off + off >= 0, so not before the packet; and object + var + rng is at most
// the packet's end.
func (c *checker[E]) checkPacket(r *reg[E], n ir.Reg, off, size int64, m mode) decision {
	if m&write != 0 && !c.ctx.PacketWritable {
		return refuse(PacketWrite, "cannot write into packet")
	}
	if c.w.bounds(r.val).SMin < 0 {
		return refuse(PacketBounds, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.", n)
	}
	at := int64(r.off) + off
	if at < 0 || at+size > int64(r.rng) {
		return refuse(PacketBounds, "invalid access to packet, off=%d size=%d, R%d(id=%d,off=%d,r=%d)", at, size, n, r.id, r.off, r.rng)
	}
	return decision{}
}

// checkMapValue decides an access of size bytes at r + off: inside the value
// for every member of the variable part.
func (c *checker[E]) checkMapValue(r *reg[E], n ir.Reg, off, size int64, m mode) decision {
	spec := specOf(c.prog, r)
	total := int64(spec.ValueSize)
	lo, hi, ok := c.w.span(r)
	switch {
	case spec.Opaque:
		return unmodelled("map %q holds kernel objects in its values, which is not modelled", spec.Name)
	case m&write != 0 && abi.MapReadOnly(spec):
		return refuse(MapAccess, "write into map forbidden, value_size=%d off=%d size=%d", total, int64(r.off)+off, size)
	case m&read != 0 && spec.Flags&abi.MapWriteOnlyProg != 0:
		return refuse(MapAccess, "read from map forbidden, value_size=%d off=%d size=%d", total, int64(r.off)+off, size)
	case ok && lo == hi && (lo+off < 0 || lo+off+size > total):
		return refuse(MapValueBounds, "invalid access to map value, value_size=%d off=%d size=%d", total, lo+off, size)
	case !ok && c.w.bounds(r.val).SMin >= 0, ok && lo+off >= 0 && hi-lo >= maxVar:
		return refuse(MapValueBounds, "R%d unbounded memory access, make sure to bounds check any such access", n)
	case !ok, lo+off < 0:
		return refuse(MapValueBounds, "R%d min value is negative, either use unsigned index or do a if (index >=0) check.", n)
	case lo+off+size > total:
		return refuse(MapValueBounds, "R%d min value is outside of the allowed memory range", n)
	case hi+off+size > total:
		return refuse(MapValueBounds, "R%d max value is outside of the allowed memory range", n)
	}
	if f := spec.Special(lo+off, hi+off+size); f != nil {
		return checkSpecial(f, lo+off, hi+off, size, m)
	}
	return decision{}
}

// helperAccess marks an access that a helper makes; see mode.
const helperAccess mode = 1 << 7

// checkSpecial decides an access to bytes of a map value that hold a kernel
// object. Locks and timers are only named to helpers. A kernel pointer is loaded
// and stored whole, which is not modelled; all else is refused.
func checkSpecial(f *ir.ValueField, lo, hi, size int64, m mode) decision {
	whole := lo == hi && lo == int64(f.Off) && size == int64(f.Size)
	switch {
	case f.Kind == ir.OtherField, f.Kind == ir.KptrField && whole && m&(helperAccess|atomic) == 0:
		return unmodelled("access to the %s at offset %d of a map value is not modelled", f.Kind, f.Off)
	case f.Kind == ir.KptrField && m&helperAccess != 0:
		return refuse(MapAccess, "kptr cannot be accessed indirectly by helper")
	case f.Kind == ir.KptrField:
		return refuse(MapAccess, "kptr access must be a load or store of 8 bytes at offset %d, off=%d size=%d", f.Off, lo, size)
	}
	return refuse(MapAccess, "%s cannot be accessed directly by load/store", f.Kind)
}

// checkStack decides an access to a frame's stack.
func (c *checker[E]) checkStack(s *state[E], r *reg[E], in ir.Insn, ob *obligation) decision {
	off, size := int64(in.Off), int64(ob.size)
	if d := c.mustAlign(r, "stack", 0, off, ob); d.outcome != holds {
		return d
	}
	verb := "read from"
	if ob.mode&write != 0 {
		verb = "write to"
	}
	lo, hi, ok := c.w.span(r)
	if !ok {
		return refuse(StackBounds, "invalid unbounded variable-offset %s stack R%d", verb, ob.reg)
	}
	lo, hi = lo+off, hi+off
	if lo != hi {
		return c.checkStackVar(s, r, ob, verb, lo, hi+size)
	}
	if lo < -ir.StackSize || lo+size > 0 {
		return refuse(StackBounds, "invalid %s stack R%d off=%d size=%d", verb, ob.reg, lo, size)
	}
	fr := &s.frames[r.frame]
	i, j := place(lo)
	sl := fr.at(i)
	if ob.mode&read != 0 {
		if d := c.checkFill(&sl, lo, j, int(size)); d.outcome != holds {
			return d
		}
		if c.policy.Unprivileged && ob.mode&atomic != 0 && sl.n > 0 && sl.spill.pointer() {
			return refuse(PtrLeak, "leaking pointer from stack off %d", lo)
		}
	}
	if ob.mode&write != 0 {
		var v *reg[E]
		if ob.other != noReg {
			v = &s.top().regs[ob.other]
		}
		return c.checkSpill(&sl, v, int(size))
	}
	return decision{}
}

// checkFill decides a read of the bytes [j, j+size) of a slot.
func (c *checker[E]) checkFill(sl *slot[E], off int64, j, size int) decision {
	if sl.special() {
		return refuse(StackSpill, "invalid read from stack off %d+0 size %d: it holds an iterator or a dynptr", off, size)
	}
	if sl.n > 0 && sl.spill.pointer() && size != slotSize {
		return refuse(StackSpill, "invalid size of register fill")
	}
	if c.policy.Unprivileged {
		for k := j; k < j+size; k++ {
			if sl.bytes[k] == byteNone {
				return refuse(UninitRead, "invalid read from stack off %d+%d size %d", off, k-j, size)
			}
		}
	}
	return decision{}
}

// checkSpill decides a write of size bytes of v, or of an immediate, to a slot.
func (c *checker[E]) checkSpill(sl *slot[E], v *reg[E], size int) decision {
	if d := c.checkOverwritten(sl); d.outcome != holds {
		return d
	}
	if v != nil && v.pointer() && size != slotSize {
		return refuse(StackSpill, "invalid size of register spill")
	}
	if c.policy.Unprivileged && sl.n > 0 && sl.spill.pointer() && size != slotSize {
		return refuse(StackSpill, "attempt to corrupt spilled pointer on stack")
	}
	return decision{}
}

// checkStackVar decides an access at an unknown offset that touches bytes of
// [lo, hi) from r10.
func (c *checker[E]) checkStackVar(s *state[E], r *reg[E], ob *obligation, verb string, lo, hi int64) decision {
	if c.policy.Unprivileged {
		return refuse(StackBounds, "R%d variable stack access prohibited for !root", ob.reg)
	}
	if lo < -ir.StackSize || hi > 0 {
		return refuse(StackBounds, "invalid variable-offset %s stack R%d off=%d..%d size=%d", verb, ob.reg, lo, hi-int64(ob.size), ob.size)
	}
	if d := c.checkVarSpecial(&s.frames[r.frame], ob, lo, hi); d.outcome != holds {
		return d
	}
	if ob.mode&write != 0 && ob.other != noReg && s.top().regs[ob.other].pointer() && ob.size != slotSize {
		return refuse(StackSpill, "invalid size of register spill")
	}
	return decision{}
}
