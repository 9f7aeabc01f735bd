package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// helper executes a helper call: memory that it may write holds any number,
// what it gives back is no longer held, packet pointers are lost if it moves
// the packet, r1 to r5 are clobbered.
func (t *stepper[E]) helper(s *state[E], in ir.Insn) {
	h := helperOf(t.prog, in)
	fr := s.top()
	r0 := t.returned(s, fr, h)
	for i, a := range h.Args {
		if a != abi.NoArg {
			t.argument(s, fr, h, i, a)
		}
	}
	if h.MovesData {
		t.movePacket(s)
	}
	t.clobber(fr, r0)
}

// argument does what the helper does to its i-th argument.
func (t *stepper[E]) argument(s *state[E], fr *frame[E], h *abi.Helper, i int, a abi.Arg) {
	r := &fr.regs[ir.R1+ir.Reg(i)]
	switch a {
	case abi.ArgUninitMem, abi.ArgMem, abi.ArgInOutMem:
		b := t.w.bounds(fr.regs[ir.R2+ir.Reg(i)].val)
		t.helperAccess(s, r, int64(b.UMin), int64(b.UMax), a)
	case abi.ArgMapKey:
		n := int64(mapOf(t.prog, fr, h).KeySize)
		t.helperAccess(s, r, n, n, a)
	case abi.ArgMapValue, abi.ArgUninitValue:
		n := int64(mapOf(t.prog, fr, h).ValueSize)
		t.helperAccess(s, r, n, n, a)
	case abi.ArgFixed, abi.ArgUninitFixed, abi.ArgInOutFixed:
		n := int64(h.Fixed[i])
		t.helperAccess(s, r, n, n, a)
	case abi.ArgRelease, abi.ArgRingbufMem:
		s.release(r.ref, t.w.top)
	case abi.ArgBTFRelease:
		if r.ref != 0 {
			s.release(r.ref, t.w.top)
		}
	case abi.ArgDynptr, abi.ArgDynptrUninit, abi.ArgDynptrRelease:
		t.dynptrHelper(s, r, h, a)
	case abi.ArgSpinLock:
		s.lock = lock{}
		if h.ID == abi.SpinLock {
			s.lock = lock{held: true, index: r.index, id: r.id}
		}
	}
}

// movePacket takes the packet pointers away.
func (t *stepper[E]) movePacket(s *state[E]) {
	s.each(func(r *reg[E]) {
		if r.packet() || r.kind == packetEnd || r.kind == slicePtr && r.frame&packetMem != 0 {
			*r = number(t.w.top)
		}
	})
}

// writes reports whether helpers write the memory of an argument of the class.
func writes(a abi.Arg) bool {
	switch a {
	case abi.ArgUninitMem, abi.ArgInOutMem, abi.ArgUninitValue, abi.ArgUninitFixed, abi.ArgInOutFixed:
		return true
	}
	return false
}

// helperAccess does what a helper does to a stack: it writes between least and
// most bytes at r, or reads them.
func (t *stepper[E]) helperAccess(s *state[E], r *reg[E], least, most int64, a abi.Arg) {
	if r.kind != stackPtr || most == 0 {
		return
	}
	lo, hi, _ := t.w.span(r)
	t.touch(s, r.frame, lo)
	if !writes(a) {
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

// returned gives r0 after the helper, and takes up the reference that it
// returns. A tail call that succeeds does not return here: see engine.tailCall.
func (t *stepper[E]) returned(s *state[E], fr *frame[E], h *abi.Helper) reg[E] {
	switch h.Ret {
	case abi.RetVoid:
		return reg[E]{}
	case abi.RetBTF, abi.RetBTFOrNull, abi.RetPerCPU, abi.RetPerCPUOrNull:
		return t.structResult(s, fr, h)
	case abi.RetDynptrOrNull:
		return t.dynptrResult(s, fr)
	case abi.RetMapValueOrNull, abi.RetMapValue:
		return t.looked(s, fr, h)
	case abi.RetSocketOrNull, abi.RetSockCommonOrNull, abi.RetTCPSockOrNull, abi.RetSockStructOrNull:
		return t.object(s, fr, h, abi.RetObject(h.Ret))
	case abi.RetRingbufOrNull:
		for i, a := range h.Args {
			if n, ok := t.w.constant(fr.regs[ir.R1+ir.Reg(i)].val); ok && a == abi.ArgAllocSize {
				ref := t.acquire(s)
				return reg[E]{kind: recordPtr, null: true, index: int32(n), id: ref, ref: ref, val: t.w.zero}
			}
		}
	case abi.RetLength:
		for i, a := range h.Args {
			if a == abi.ArgUninitMem {
				return number(t.between(-maxErrno, int64(t.w.bounds(fr.regs[ir.R2+ir.Reg(i)].val).UMax)))
			}
		}
	}
	return number(t.w.top)
}

// maxErrno bounds the negative results that mean an error (MAX_ERRNO).
const maxErrno = 4095

// between returns at least the numbers in [lo, hi], read signed.
func (t *stepper[E]) between(lo, hi int64) E {
	x, _ := t.w.d.Refine(sem.SLE, ir.W64, t.w.top, t.w.num(uint64(hi)))
	_, x = t.w.d.Refine(sem.SLE, ir.W64, t.w.num(uint64(lo)), x)
	return x
}

func (t *stepper[E]) acquire(s *state[E]) uint32 {
	ref := t.newID()
	s.refs = append(s.refs, ref)
	return ref
}

// object returns a pointer to a kernel object, or 0. What is made of another
// object lives by that one's reference (is_ptr_cast_function).
func (t *stepper[E]) object(s *state[E], fr *frame[E], h *abi.Helper, k abi.ObjectKind) reg[E] {
	r := reg[E]{kind: objPtr, null: true, index: int32(k), val: t.w.zero}
	switch {
	case h.Acquires:
		r.id = t.acquire(s)
		r.ref = r.id
	case abi.ReturnsPart(h):
		r.id, r.ref = t.newID(), fr.regs[ir.R1].ref
	default:
		r.id = t.newID()
	}
	if id := t.kern.sockStruct(h.ID); id != 0 {
		r.kind, r.index = btfPtr, int32(id)
	}
	return r
}

// lookups gives what looking up a map of these kinds returns, instead of a
// value.
var lookups = map[ir.MapType]struct {
	kind     kind
	obj      abi.ObjectKind
	acquires bool
}{
	ir.ArrayOfMaps: {kind: mapPtr},
	ir.HashOfMaps:  {kind: mapPtr},
	ir.Sockmap:     {objPtr, abi.Socket, true},
	ir.Sockhash:    {objPtr, abi.Socket, true},
	ir.XSKMap:      {objPtr, abi.XDPSock, false},
}

// looked returns what is found in the helper's map.
func (t *stepper[E]) looked(s *state[E], fr *frame[E], h *abi.Helper) reg[E] {
	var m *reg[E]
	for i, a := range h.Args {
		if a == abi.ArgMap {
			m = &fr.regs[ir.R1+ir.Reg(i)]
		}
	}
	spec := specOf(t.prog, m)
	r := reg[E]{kind: mapValue, null: h.Ret == abi.RetMapValueOrNull, index: m.index, id: t.newID(), val: t.w.zero}
	if l, ok := lookups[spec.Type]; ok && h.ID == abi.MapLookupElem {
		r.kind, r.index = l.kind, int32(l.obj)
		if l.kind == mapPtr {
			r.index = ^m.index
		}
		if l.acquires {
			s.refs = append(s.refs, r.id)
			r.ref = r.id
		}
		return r
	}
	if h.ID == abi.MapLookupElem && t.inArray(s, &fr.regs[ir.R2], spec) {
		r.null = false
	}
	if !r.null && spec.FieldOf(ir.SpinLockField) == nil {
		r.id = 0
	}
	return r
}

// inArray reports that the key is known to be the index of an element of an
// array: the lookup finds it.
func (t *stepper[E]) inArray(s *state[E], key *reg[E], m *ir.MapSpec) bool {
	off, ok := t.w.fixed(key)
	if key.kind != stackPtr || !ok || m.Type != ir.Array && m.Type != ir.PerCPUArray || m.KeySize != 4 {
		return false
	}
	i, j := place(off)
	if j+4 > slotSize {
		return false
	}
	sl := s.frames[key.frame].at(i)
	r := t.w.fill(&sl, j, 4)
	if r.kind != scalar {
		return false
	}
	x, ok := t.w.constant(r.val)
	return ok && x < uint64(m.MaxEntries)
}
