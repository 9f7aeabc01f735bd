package verifier

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/ktypes"
)

// An iterator of the kernel lies on the stack, in as many slots as its structure
// takes. Each slot has a spill of kind iterSlot: index is the structure, off tells
// what may come, ref (of the slot at the lowest address) the reference that is
// given back with the iterator, and rng counts the elements that the path has got.
const (
	iterActive  = 0 // there may be a next element
	iterDrained = 1 // there is none
)

// iterStruct returns the structure of the iterator that a function is about, and
// how many slots it takes.
func (c *checker[E]) iterStruct(call *kcall) (id ktypes.ID, slots int) {
	id = call.proto.Args[0].Target
	if id == 0 {
		return 0, 0
	}
	return id, (c.kern.late().Size(id) + slotSize - 1) / slotSize
}

// checkIter decides the argument that is an iterator.
//
// Source: process_iter_arg.
func (c *checker[E]) checkIter(s *state[E], call *kcall, r *reg[E], n ir.Reg) decision {
	id, slots := c.iterStruct(call)
	if id == 0 {
		return unmodelled("argument 1 of kernel function %s is not modelled", call.name)
	}
	name := strings.TrimPrefix(c.kern.late().Name(id), "bpf_iter_")
	if r.kind != stackPtr {
		return refuse(HelperArg, "arg#%d expected pointer to an iterator on stack", n-ir.R1)
	}
	first, d := c.objectOnStack(r, slots, "iter_"+name)
	if d.outcome != holds {
		return d
	}
	fr := &s.frames[r.frame]
	if call.facts.Is(abi.KfIterNew) {
		for i := range slots {
			sl := fr.at(first - i)
			switch {
			case sl.n > 0 && sl.spill.kind == iterSlot:
				return refuse(HelperArg, "expected uninitialized iter_%s as arg #%d", name, n-ir.R1)
			case sl.n > 0 && sl.spill.kind == dynptrSlot:
				if d := c.checkOverwritten(&sl); d.outcome != holds {
					return d
				}
			}
		}
		return decision{}
	}
	for i := range slots {
		sl := fr.at(first - i)
		switch {
		case sl.n == 0 || sl.spill.kind != iterSlot || ktypes.ID(sl.spill.index) != id || (i == 0) != (sl.spill.ref != 0):
			return refuse(HelperArg, "expected an initialized iter_%s as arg #%d", name, n-ir.R1)
		case i == 0 && sl.spill.frame&untrusted != 0:
			return refuse(HelperArg, "expected an RCU CS when using %s", call.name)
		}
	}
	return decision{}
}

// objectOnStack returns the slot at the lowest address of an object of that many
// slots.
func (c *checker[E]) objectOnStack(r *reg[E], slots int, what string) (first int, d decision) {
	off, fixed := c.w.fixed(r)
	switch {
	case !fixed:
		return 0, refuse(HelperArg, "%s has to be at a constant offset", what)
	case off%slotSize != 0:
		return 0, refuse(HelperArg, "cannot pass in %s at an offset=%d", what, off)
	case off+int64(slots)*slotSize > 0:
		return 0, refuse(HelperArg, "cannot pass in %s at an offset=%d", what, off)
	case off < -ir.StackSize:
		return 0, refuse(StackBounds, "invalid write to stack R1 off=%d size=%d", off, slotSize)
	}
	first, _ = place(off)
	return first, decision{}
}

// iterAt returns the iterator that a pointer into a stack is to; checkIter was
// decided before.
func (t *stepper[E]) iterAt(s *state[E], r *reg[E]) *reg[E] {
	off, _ := t.w.fixed(r)
	first, _ := place(off)
	return &s.frames[r.frame].stack[first].spill
}

// iter begins or ends an iteration, or notes that there was a next element.
func (t *stepper[E]) iter(s *state[E], r *reg[E], call *kcall) {
	id := call.proto.Args[0].Target
	slots := (t.kern.late().Size(id) + slotSize - 1) / slotSize
	off, _ := t.w.fixed(r)
	first, _ := place(off)
	switch {
	case call.facts.Is(abi.KfIterNew):
		t.touch(s, r.frame, off)
		t.spoil(s, r.frame, off, off+int64(slots)*slotSize)
		it := reg[E]{kind: iterSlot, index: int32(id), val: t.w.zero}
		if call.facts.Is(abi.KfRCUProtected) {
			it.frame = untrusted
			if s.inRCU(t.prog) {
				it.frame = rcuHeld
			}
		}
		ref := t.acquire(s)
		for i := range slots {
			sl := s.frames[r.frame].grow(first - i)
			it.ref = 0
			if i == 0 {
				it.ref = ref
			}
			*sl = slot[E]{n: slotSize, spill: it}
			for k := range sl.bytes {
				sl.bytes[k] = byteSpill
			}
		}
	case call.facts.Is(abi.KfIterNext):
		t.iterAt(s, r).rng++
	default:
		s.drop(t.iterAt(s, r).ref)
		for i := range slots {
			s.frames[r.frame].stack[first-i].forget()
		}
	}
}

// drain notes that an iterator has no more elements.
func (t *stepper[E]) drain(s *state[E], r *reg[E]) { t.iterAt(s, r).off = iterDrained }

// advanced reports that the way from old to now got an element of an iterator that
// both states have.
//
// Sound: an iterator gives a bounded number of elements, and one that was made anew
// has a reference of its own.
func advanced[E comparable](old, now *state[E]) bool {
	for i := range old.frames {
		if i >= len(now.frames) {
			return false
		}
		o, n := &old.frames[i], &now.frames[i]
		for k := range o.stack {
			if k >= len(n.stack) {
				break
			}
			x, y := &o.stack[k], &n.stack[k]
			if x.n > 0 && y.n > 0 && x.spill.kind == iterSlot && y.spill.kind == iterSlot && x.spill.ref != 0 &&
				x.spill.ref == y.spill.ref && x.spill.rng < y.spill.rng {
				return true
			}
		}
	}
	return false
}

// iterPatience is how many laps more of an iteration than of other bounded loops are
// walked before states are widened: programs count elements up to small numbers, and
// forgetting the count loses that they stop there. What nothing needs the value of is
// forgotten at once in the first walk, so most iterations never come so far.
const iterPatience = 32

// patience returns how many laps more are walked before the states of the loop from
// old to now are widened.
func (e *engine[E]) patience(old, now *state[E]) int {
	if e.kern.calls != nil && advanced(old, now) {
		return iterPatience
	}
	return 0
}
