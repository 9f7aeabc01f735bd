package verifier

import (
	"bytes"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// memory lists what helpers take as memory.
var memory = []string{"fp", "pkt", "pkt_meta", "map_key", "map_value", "mem", "ringbuf_mem"}

// checkMemArg decides the type of a memory argument; its bounds are decided
// with the size behind it.
func (c *checker[E]) checkMemArg(r *reg[E], n ir.Reg) decision {
	switch r.kind {
	case stackPtr, packetPtr, packetMeta, mapKey, mapValue, memPtr, recordPtr, slicePtr, bufferPtr:
		if !r.null {
			return decision{}
		}
	}
	return c.wrongType(r, n, memory...)
}

// checkSizeArg decides a size together with the memory argument before it.
func (c *checker[E]) checkSizeArg(s *state[E], in ir.Insn, ob *obligation) decision {
	fr := s.top()
	n := &fr.regs[ob.reg]
	if n.kind != scalar {
		return c.wrongType(n, ob.reg, "scalar")
	}
	mem := ob.reg - 1
	b := c.w.bounds(n.val)
	if fr.regs[mem].kind == scalar && b.UMax != 0 { // the constant 0, as checkMemArg has decided
		return c.wrongType(&fr.regs[mem], mem, memory...)
	}
	switch {
	case b.SMin < 0:
		return refuse(HelperArg, "R%d min value is negative, either use unsigned or 'var &= const'", ob.reg)
	case b.UMin == 0 && ob.arg != abi.ArgSizeOrZero:
		return refuse(HelperArg, "R%d invalid zero-sized read: u64=[%d,%d]", ob.reg, b.UMin, b.UMax)
	case b.UMax >= maxVar:
		return refuse(HelperArg, "R%d unbounded memory access, use 'var &= const' or 'if (var < const)'", ob.reg)
	case fr.regs[mem].kind == scalar:
		return decision{}
	}
	m := read
	switch helperOf(c.prog, in).Args[mem-ir.R1] {
	case abi.ArgUninitMem:
		m = write
	case abi.ArgInOutMem:
		m = read | write
	}
	return c.checkSized(s, in, mem, int64(b.UMax), m)
}

// checkValueArg decides memory of the map's value size. A map whose values hold
// kernel objects copies around them, so that is no harm.
func (c *checker[E]) checkValueArg(s *state[E], in ir.Insn, ob *obligation, m mode) decision {
	size := int64(mapOf(c.prog, s.top(), helperOf(c.prog, in)).ValueSize)
	return c.checkSized(s, in, ob.reg, size, m)
}

// checkFixedArg decides memory of a known size that must be aligned, and is
// written.
func (c *checker[E]) checkFixedArg(s *state[E], in ir.Insn, ob *obligation, size int64) decision {
	m := write
	if ob.arg == abi.ArgInOutFixed {
		m |= read
	}
	if d := c.checkSized(s, in, ob.reg, size, m); d.outcome != holds {
		return d
	}
	a := obligation{reg: ob.reg, size: uint8(size)}
	return c.mustAlign(&s.top().regs[ob.reg], "helper", 0, 0, &a)
}

func (c *checker[E]) checkAllocArg(r *reg[E], n ir.Reg) decision {
	x, ok := c.w.constant(r.val)
	switch {
	case r.kind != scalar || !ok:
		return refuse(HelperArg, "R%d is not a known constant", n)
	case x >= maxVar:
		return refuse(HelperArg, "R%d memory, size %d is too large", n, x)
	}
	return decision{}
}

// checkFieldArg decides a lock or a timer: the field itself, in a value of a map.
func (c *checker[E]) checkFieldArg(s *state[E], r *reg[E], h *abi.Helper, ob *obligation) decision {
	want := ir.SpinLockField
	if ob.arg == abi.ArgTimer {
		want = ir.TimerField
	}
	if r.kind != mapValue || r.null {
		return c.wrongType(r, ob.reg, "map_value")
	}
	m := specOf(c.prog, r)
	if m.Opaque {
		return unmodelled("map %q holds kernel objects in its values, which is not modelled", m.Name)
	}
	off, known := c.w.fixed(r)
	f := m.FieldOf(want)
	switch {
	case !known:
		return refuse(LockUse, "R%d doesn't have constant offset. %s has to be at the constant offset", ob.reg, want)
	case f == nil:
		return refuse(LockUse, "map '%s' has no valid %s", m.Name, want)
	case off != int64(f.Off):
		return refuse(LockUse, "off %d doesn't point to 'struct %s' that is at %d", off, want, f.Off)
	case r.index < 0 && want == ir.TimerField:
		return unmodelled("a timer in an inner map is not modelled")
	}
	return c.checkLock(s, r, h.ID)
}

// checkLock decides locking and unlocking: one lock at a time, and the one that
// was locked.
func (c *checker[E]) checkLock(s *state[E], r *reg[E], id abi.HelperID) decision {
	switch {
	case id == abi.SpinLock && s.lock.held:
		return refuse(LockUse, "Locking two bpf_spin_locks are not allowed")
	case id == abi.SpinUnlock && !s.lock.held:
		return refuse(LockUse, "bpf_spin_unlock without taking a lock")
	case id == abi.SpinUnlock && (s.lock.index != r.index || s.lock.id != r.id):
		return refuse(LockUse, "bpf_spin_unlock of different lock")
	}
	return decision{}
}

// checkStringArg decides a format string: terminated, in a map whose contents
// never change.
func (c *checker[E]) checkStringArg(r *reg[E], n ir.Reg) decision {
	if r.kind != mapValue || r.null {
		return c.wrongType(r, n, "map_value")
	}
	m := specOf(c.prog, r)
	off, known := c.w.fixed(r)
	switch {
	case !m.Frozen || r.index < 0:
		return refuse(HelperArg, "R%d does not point to a readonly map'", n)
	case !known:
		return refuse(HelperArg, "R%d is not a constant address'", n)
	case off < 0 || off >= int64(m.ValueSize):
		return refuse(MapValueBounds, "invalid access to map value, value_size=%d off=%d size=%d", m.ValueSize, off, 1)
	case len(m.Contents) != 1 || int64(len(m.Contents[0].Value)) < off:
		return unmodelled("the contents of map %q are not known", m.Name)
	case bytes.IndexByte(m.Contents[0].Value[off:], 0) < 0:
		return refuse(HelperArg, "string is not zero-terminated")
	}
	return decision{}
}

// checkSized decides that size bytes at register n may be read or written by
// a helper.
func (c *checker[E]) checkSized(s *state[E], in ir.Insn, n ir.Reg, size int64, m mode) decision {
	r := &s.top().regs[n]
	if r.null {
		return c.wrongType(r, n, memory...)
	}
	switch r.kind {
	case packetPtr, packetMeta:
		if !helperOf(c.prog, in).Packet {
			return refuse(HelperArg, "helper access to the packet is not allowed")
		}
		return c.checkPacket(r, n, 0, size, m)
	case mapValue:
		return c.checkMapValue(r, n, 0, size, m|helperAccess)
	case mapKey, memPtr, recordPtr, slicePtr:
		return c.checkBlock(r, n, 0, size, m)
	case stackPtr:
		return c.checkStackRange(s, r, n, size, m)
	case bufferPtr:
		return c.checkConstant(r, n, 0, size, m)
	}
	return c.wrongType(r, n, memory...)
}

// checkStackRange decides that a helper may read or write size bytes of stack.
func (c *checker[E]) checkStackRange(s *state[E], r *reg[E], n ir.Reg, size int64, m mode) decision {
	lo, hi, ok := c.w.span(r)
	verb := "read from"
	if m&write != 0 {
		verb = "write to"
	}
	switch {
	case !ok:
		return refuse(StackBounds, "invalid unbounded variable-offset %s stack R%d", verb, n)
	case lo != hi && c.policy.Unprivileged:
		return refuse(StackBounds, "R%d variable offset stack access prohibited for !root", n)
	case lo < -ir.StackSize || hi+size > 0 || size == 0 && lo >= 0:
		return refuse(StackBounds, "invalid %s stack R%d off=%d size=%d", verb, n, lo, size)
	}
	fr := &s.frames[r.frame]
	if d := fr.checkUnread(lo, hi+size); d.outcome != holds {
		return d
	}
	if !c.policy.Unprivileged {
		return decision{}
	}
	for off := lo; off < hi+size; off++ {
		i, _ := place(off)
		sl := fr.at(i)
		switch {
		case fr.kindAt(off) == byteSpill && sl.spill.pointer() && m&write != 0:
			return refuse(StackSpill, "attempt to corrupt spilled pointer on stack")
		case fr.kindAt(off) == byteSpill && sl.spill.pointer(), fr.kindAt(off) == byteNone && m&read != 0:
			return refuse(UninitRead, "invalid indirect read from stack R%d off %d+%d size %d", n, lo, off-lo, size)
		}
	}
	return decision{}
}
