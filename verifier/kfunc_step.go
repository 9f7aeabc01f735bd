package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// kfunc executes a call of a function of the kernel: memory that it is handed holds
// any number, what it gives back is no longer held, r1 to r5 are clobbered.
func (t *stepper[E]) kfunc(s *state[E], pc ir.PC) {
	call := t.kern.callOf(pc)
	fr := s.top()
	r0 := t.kresult(s, fr, call)
	var ref uint32
	if call.facts.Is(abi.KfRelease) {
		ref = releasedBy(fr, call)
	}
	for i, class := range call.args {
		t.karg(s, fr, call, i, class)
	}
	t.sections(s, call)
	if ref != 0 {
		s.release(ref, t.w.top)
	}
	if call.facts.Is(abi.KfMovesPacket) {
		t.movePacket(s)
	}
	t.clobber(s.top(), r0)
}

// karg does what the function does to its i-th argument.
func (t *stepper[E]) karg(s *state[E], fr *frame[E], call *kcall, i int, class kargClass) {
	r := fr.regs[ir.R1+ir.Reg(i)]
	switch class {
	case kargMem:
		b := t.w.bounds(fr.regs[ir.R2+ir.Reg(i)].val)
		t.helperAccess(s, &r, int64(b.UMin), int64(b.UMax), abi.ArgInOutMem)
	case kargObject:
		n := int64(call.proto.Args[i].To)
		t.helperAccess(s, &r, n, n, abi.ArgInOutMem)
	case kargDynptrNew:
		t.makeDynptr(s, &r, t.dynptrMade(s, fr, call))
	case kargIter:
		t.iter(s, &r, call)
	}
}

// sections begins or ends a section.
func (t *stepper[E]) sections(s *state[E], call *kcall) {
	switch call.facts.Special {
	case abi.KfRCULock:
		s.sect.rcu++
	case abi.KfRCUUnlock:
		if s.sect.rcu--; s.sect.rcu == 0 {
			s.each(func(r *reg[E]) {
				if (r.kind == btfPtr || r.kind == iterSlot) && r.frame&rcuHeld != 0 {
					r.frame = r.frame&^rcuHeld | untrusted
					r.null = false
				}
			})
		}
	case abi.KfPreemptDisable:
		s.sect.preempt++
	case abi.KfPreemptEnable:
		s.sect.preempt--
	}
}

// kresult gives r0 after the call, and takes up the reference that it returns. The
// element that an iterator gives is not null: see engine.kernelCall.
func (t *stepper[E]) kresult(s *state[E], fr *frame[E], call *kcall) reg[E] {
	ret := &call.proto.Ret
	if !ret.Pointer {
		if ret.Void {
			return reg[E]{}
		}
		return number(t.w.top)
	}
	r := reg[E]{kind: memPtr, val: t.w.zero}
	size, writable := t.resultSize(fr, call)
	switch {
	case call.facts.Special == abi.KfCastToCtx:
		return t.w.structPtr(t.kern.id(casts[t.ctx.Name]), trusted)
	case call.facts.Special == abi.KfRdonlyCast:
		id, _ := t.w.constant(fr.regs[ir.R2].val)
		return t.w.structPtr(t.kern.structByID(id), untrusted)
	case call.facts.Special == abi.KfDynptrSlice || call.facts.Special == abi.KfDynptrSliceRdwr:
		r = t.slice(s, fr, call.facts.Special == abi.KfDynptrSliceRdwr)
	case ret.Void:
		return number(t.w.top)
	case ret.Target != 0:
		r = t.w.structPtr(ret.Target, 0)
		if call.facts.Is(abi.KfIterNext) {
			r.frame = trusted
			if t.iterAt(s, &fr.regs[ir.R1]).frame&rcuHeld != 0 {
				r.frame = rcuHeld
			}
		}
	default:
		r.index = size
		if !writable {
			r.frame = readMem
		}
		for i := range call.args {
			if a := &fr.regs[ir.R1+ir.Reg(i)]; call.proto.Args[i].Pointer && a.ref != 0 {
				r.ref = a.ref
			}
		}
	}
	if call.facts.Is(abi.KfRetNull) && !call.facts.Is(abi.KfIterNext) {
		r.null, r.id = true, t.newID()
	}
	if call.facts.Is(abi.KfAcquire) {
		r.ref = t.acquire(s)
		if r.null {
			r.id = r.ref
		}
	}
	return r
}

// resultSize returns the size of the memory that the result points to, where it is
// no structure.
func (t *stepper[E]) resultSize(fr *frame[E], call *kcall) (size int32, writable bool) {
	if call.facts.Special == abi.KfSessionCookie {
		return 8, true
	}
	for i, class := range call.args {
		if class == kargReadSize || class == kargSize {
			n, _ := t.w.constant(fr.regs[ir.R1+ir.Reg(i)].val)
			return int32(n), class == kargSize
		}
	}
	return int32(call.proto.Ret.To), false
}

// kernelCall executes a call of a function of the kernel on s. Where it gives the
// next element of an iterator, the way on which there is one is put aside, and s
// goes on without.
//
// Sound: these are the two answers that an iterator can give; after the second it
// gives no more.
func (e *engine[E]) kernelCall(s *state[E], pc ir.PC, from int32) {
	call := e.kern.callOf(pc)
	if !call.facts.Is(abi.KfIterNext) {
		e.stepper.kfunc(s, pc)
		return
	}
	at := s.top().regs[ir.R1]
	if e.stepper.iterAt(s, &at).off != iterDrained {
		other := e.take()
		other.copyFrom(s)
		e.stepper.kfunc(other, pc)
		e.await(other, pc+1, from)
	}
	e.stepper.drain(s, &at)
	e.stepper.clobber(s.top(), number(e.w.zero))
}
