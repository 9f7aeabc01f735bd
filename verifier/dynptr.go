package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// A dynamic pointer lies on the stack in two slots. Each has a spill of kind
// dynptrSlot: index is its type, off is 0 in the slot at the lower address and 1 in
// the other, id names the dynamic pointer, and ref is the reference that it holds.
const (
	dynLocal   = 1 + iota // of a map's value
	dynRingbuf            // of a record that is not submitted yet
	dynSkb                // of a packet
	dynXDP                // of a packet
)

var dynNames = [...]string{dynLocal: "local", dynRingbuf: "ringbuf", dynSkb: "skb_", dynXDP: "xdp_"}

const dynptrSlots = 2

// dynptrAt returns the dynamic pointer that a pointer into a stack is to, nil if
// there is none.
func (w *words[E]) dynptrAt(s *state[E], r *reg[E]) *reg[E] {
	if r.kind == dynptrPtr {
		return r
	}
	off, fixed := w.fixed(r)
	if r.kind != stackPtr || !fixed || off%slotSize != 0 || off+dynptrSlots*slotSize > 0 || off < -ir.StackSize {
		return nil
	}
	first, _ := place(off)
	fr := &s.frames[r.frame]
	if first >= len(fr.stack) {
		return nil
	}
	a, b := &fr.stack[first], &fr.stack[first-1]
	if a.n == 0 || b.n == 0 || a.spill.kind != dynptrSlot || b.spill.kind != dynptrSlot || a.spill.off != 0 || b.spill.off != 1 || a.spill.id != b.spill.id {
		return nil
	}
	return &a.spill
}

// checkDynptr decides an argument that is a dynamic pointer: one that is there, or
// with fresh set the place for one.
//
// Source: process_dynptr_func.
func (c *checker[E]) checkDynptr(s *state[E], r *reg[E], n ir.Reg, fresh bool) decision {
	switch {
	case r.kind == dynptrPtr && fresh:
		return refuse(HelperArg, "Dynptr has to be an uninitialized dynptr")
	case r.kind == dynptrPtr:
		return c.plainPointer(r, n)
	case r.kind != stackPtr:
		return refuse(HelperArg, "arg#%d expected pointer to stack or const struct bpf_dynptr", n-ir.R1)
	}
	if !fresh {
		if c.w.dynptrAt(s, r) == nil {
			return refuse(HelperArg, "Expected an initialized dynptr as arg #%d", n-ir.R1)
		}
		return decision{}
	}
	first, d := c.objectOnStack(r, dynptrSlots, "dynptr")
	if d.outcome != holds {
		return d
	}
	for i := range dynptrSlots {
		sl := s.frames[r.frame].at(first - i)
		if d := c.checkOverwritten(&sl); d.outcome != holds {
			return d
		}
		if sl.n > 0 && sl.spill.kind == iterSlot {
			return unmodelled("a dynamic pointer in place of an iterator is not modelled")
		}
	}
	return decision{}
}

// checkOverwritten decides that a slot may be written over: a dynamic pointer that
// holds a reference must not be lost.
func (c *checker[E]) checkOverwritten(sl *slot[E]) decision {
	if sl.n == 0 || sl.spill.kind != dynptrSlot || sl.spill.ref == 0 {
		return decision{}
	}
	return refuse(HelperArg, "cannot overwrite referenced dynptr")
}

// checkDynptrArg decides an argument of a helper that is a dynamic pointer.
func (c *checker[E]) checkDynptrArg(s *state[E], r *reg[E], h *abi.Helper, ob *obligation) decision {
	fresh := ob.arg == abi.ArgDynptrUninit
	if d := c.checkDynptr(s, r, ob.reg, fresh); d.outcome != holds || fresh {
		if h.ID == dynptrFromMem && d.outcome == holds {
			if m := &s.top().regs[ir.R1]; m.kind != mapValue {
				return refuse(HelperArg, "Unsupported reg type %s for bpf_dynptr_from_mem data", m.name())
			}
		}
		return d
	}
	d := c.w.dynptrAt(s, r)
	if ob.arg == abi.ArgDynptrRelease {
		switch {
		case r.kind == dynptrPtr:
			return refuse(RefRelease, "cannot release unowned const bpf_dynptr")
		case d.index != dynRingbuf:
			return refuse(HelperArg, "Expected a dynptr of type ringbuf as arg #%d", ob.reg-ir.R1)
		case !s.holds(d.ref):
			return refuse(RefRelease, "arg %d is an unacquired reference", ob.reg)
		}
	}
	return decision{}
}

// The helpers of dynamic pointers.
const (
	dynptrFromMem abi.HelperID = 197
	dynptrWrite   abi.HelperID = 202
)

// dynptrHelper does what a helper does to the argument that is a dynamic pointer.
func (t *stepper[E]) dynptrHelper(s *state[E], r *reg[E], h *abi.Helper, a abi.Arg) {
	switch {
	case a == abi.ArgDynptrUninit && h.ID == dynptrFromMem:
		t.makeDynptr(s, r, reg[E]{kind: dynptrSlot, index: dynLocal, val: t.w.zero})
	case a == abi.ArgDynptrUninit:
		t.makeDynptr(s, r, reg[E]{kind: dynptrSlot, index: dynRingbuf, ref: t.acquire(s), val: t.w.zero})
	case a == abi.ArgDynptrRelease:
		ref := t.w.dynptrAt(s, r).ref
		t.loseDynptrs(s, func(d *reg[E]) bool { return d.ref == ref })
		s.release(ref, t.w.top)
	case h.ID == dynptrWrite:
		if d := t.w.dynptrAt(s, r); d != nil && d.index == dynSkb {
			t.movePacket(s)
		}
	}
}

// makeDynptr puts a dynamic pointer at r.
func (t *stepper[E]) makeDynptr(s *state[E], r *reg[E], d reg[E]) {
	off, _ := t.w.fixed(r)
	first, _ := place(off)
	t.touch(s, r.frame, off)
	t.spoil(s, r.frame, off, off+dynptrSlots*slotSize)
	d.id = t.newID()
	for i := range dynptrSlots {
		sl := s.frames[r.frame].grow(first - i)
		d.off = int32(i)
		*sl = slot[E]{n: slotSize, spill: d}
		for k := range sl.bytes {
			sl.bytes[k] = byteSpill
		}
	}
}

// spoil forgets the dynamic pointers of which a byte in [lo, hi) from r10 is
// written over, with all that was taken of them.
func (t *stepper[E]) spoil(s *state[E], frame uint8, lo, hi int64) {
	fr := &s.frames[frame]
	for off := lo; off < hi; off += slotSize - (off & (slotSize - 1)) {
		i, _ := place(off)
		if i < len(fr.stack) && fr.stack[i].n > 0 && fr.stack[i].spill.kind == dynptrSlot {
			id := fr.stack[i].spill.id
			t.loseDynptrs(s, func(d *reg[E]) bool { return d.id == id })
		}
	}
}

// loseDynptrs forgets the dynamic pointers that lost names, with all that was taken
// of them.
func (t *stepper[E]) loseDynptrs(s *state[E], lost func(*reg[E]) bool) {
	var ids []uint32
	for i := range s.frames {
		for k := range s.frames[i].stack {
			sl := &s.frames[i].stack[k]
			if sl.n > 0 && sl.spill.kind == dynptrSlot && lost(&sl.spill) {
				ids = append(ids, sl.spill.id)
				sl.forget()
			}
		}
	}
	s.each(func(r *reg[E]) {
		if r.kind == slicePtr && contains(ids, uint32(r.rng)) {
			*r = number(t.w.top)
		}
	})
}

// dynptrResult returns what bpf_dynptr_data gives.
func (t *stepper[E]) dynptrResult(s *state[E], fr *frame[E]) reg[E] {
	d := t.w.dynptrAt(s, &fr.regs[ir.R1])
	n, _ := t.w.constant(fr.regs[ir.R3].val)
	r := reg[E]{kind: slicePtr, null: true, id: t.newID(), index: int32(n), ref: d.ref, rng: int32(d.id), val: t.w.zero}
	if d.index == dynSkb || d.index == dynXDP {
		r.frame = packetMem
	}
	return r
}

// slice returns what bpf_dynptr_slice gives.
func (t *stepper[E]) slice(s *state[E], fr *frame[E], writable bool) reg[E] {
	d := t.w.dynptrAt(s, &fr.regs[ir.R1])
	n, _ := t.w.constant(fr.regs[ir.R4].val)
	r := reg[E]{kind: slicePtr, index: int32(n), rng: int32(d.id), val: t.w.zero}
	if !writable {
		r.frame = readMem
	}
	if d.index == dynSkb || d.index == dynXDP {
		r.frame |= packetMem
	}
	return r
}

// checkKdynptr decides an argument of a function of the kernel that is a dynamic
// pointer.
func (c *checker[E]) checkKdynptr(s *state[E], call *kcall, i int, r *reg[E], n ir.Reg) decision {
	fresh := call.args[i] == kargDynptrNew
	if d := c.checkDynptr(s, r, n, fresh); d.outcome != holds || !fresh {
		return d
	}
	switch call.facts.Special {
	case abi.KfDynptrFromPacket, abi.KfDynptrClone:
		return decision{}
	}
	return unmodelled("the dynamic pointer that kernel function %s makes is not modelled", call.name)
}

// dynptrMade returns the dynamic pointer that a function of the kernel makes.
func (t *stepper[E]) dynptrMade(s *state[E], fr *frame[E], call *kcall) reg[E] {
	d := reg[E]{kind: dynptrSlot, index: dynSkb, val: t.w.zero}
	switch {
	case call.facts.Special == abi.KfDynptrClone:
		parent := t.w.dynptrAt(s, &fr.regs[ir.R1])
		d.index, d.ref = parent.index, parent.ref
	case call.name == "bpf_dynptr_from_xdp":
		d.index = dynXDP
	}
	return d
}

// special reports that a slot holds an iterator or a dynamic pointer, whose bytes
// programs must not read.
func (sl *slot[E]) special() bool {
	return sl.n > 0 && (sl.spill.kind == iterSlot || sl.spill.kind == dynptrSlot)
}

// checkUnread decides that no byte in [lo, hi) from r10 belongs to an iterator or a
// dynamic pointer.
func (f *frame[E]) checkUnread(lo, hi int64) decision {
	for off := max(lo, -ir.StackSize); off < min(hi, 0); off += slotSize - (off & (slotSize - 1)) {
		i, _ := place(off)
		if sl := f.at(i); sl.special() {
			return refuse(StackSpill, "invalid read from stack off %d: it holds an iterator or a dynptr", off)
		}
	}
	return decision{}
}

// checkVarSpecial decides an access at an unknown offset in [lo, hi) from r10, as far
// as iterators and dynamic pointers are concerned.
func (c *checker[E]) checkVarSpecial(fr *frame[E], ob *obligation, lo, hi int64) decision {
	if ob.mode&read != 0 {
		return fr.checkUnread(lo, hi)
	}
	for off := lo; off < hi; off += slotSize - (off & (slotSize - 1)) {
		i, _ := place(off)
		sl := fr.at(i)
		if d := c.checkOverwritten(&sl); d.outcome != holds {
			return d
		}
	}
	return decision{}
}

// kernelArg returns what a callback finds that only a kernel has.
func (t *stepper[E]) kernelArg(fr *frame[E], a abi.CallbackArg) reg[E] {
	switch a {
	case abi.CallbackFirst:
		return fr.regs[ir.R1]
	case abi.CallbackVMA:
		return t.w.structPtr(t.kern.id("vm_area_struct"), 0)
	case abi.CallbackDynptr:
		return reg[E]{kind: dynptrPtr, index: dynLocal, id: t.newID(), val: t.w.zero}
	}
	return reg[E]{}
}

// endSlices forgets what was taken of a callback's dynamic pointer when it returns:
// the kernel takes the memory back.
func (t *stepper[E]) endSlices(s *state[E], cb *abi.Callback) {
	if cb == nil || cb.Args[0] != abi.CallbackDynptr {
		return
	}
	s.each(func(r *reg[E]) {
		if r.kind == slicePtr && r.ref == 0 || r.kind == dynptrPtr {
			*r = number(t.w.top)
		}
	})
}
