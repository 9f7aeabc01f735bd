package verifier

// inclusion compares states of one program point. It is reused from one
// comparison to the next.
//
// # Soundness
//
// includes(old, cur) means that every machine state that cur describes, old
// describes too. So whatever holds on all paths from old holds on all paths
// from cur, and cur need not be explored. It is shown part by part:
//
//   - Frames: the same calls in the same order, so the paths are the same ones;
//     helpers that call back have in cur called at least as often.
//   - A register that is uninit in old describes any content: no path from
//     old read it.
//   - Otherwise the kinds are the same, and cur's words are among old's (Leq).
//     A pointer has the same object and fixed part, and at least the range.
//   - Links. Those of old demand that linked registers hold x + their offsets
//     for one x (or share the variable part, or their being null). They are
//     met if the registers are linked in cur with the same differences of
//     offsets. So there is a function from old's ids to cur's, and for scalars a
//     number added to the offsets, that is the same at every place: ids records
//     it. Links that only cur has make it smaller and do not matter. A packet
//     pointer with id 0 has no variable part; 0 must lead to 0.
//   - References and the lock: the same number of references, which ids leads to
//     each other in order, so each pointer lives by the corresponding one.
//   - A stack byte that is byteNone in old describes anything, byteMisc any
//     number, byteZero a 0. To a privileged loader a pointer's bytes and what
//     lies on the stack at entry are numbers like others; else they are not.
//   - A spill in old is a spill of included content at the same place, or
//     zeros that it describes.
type inclusion[E comparable] struct {
	w      *words[E]
	strict bool // unprivileged: byteMisc does not describe pointers or what was never written
	ids    []idPair
}

// idPair is one point of the function from ids of old to those of cur.
type idPair struct {
	old, cur uint32
	delta    int32 // cur.off - old.off, for scalars
}

// link extends the function from ids, or reports that it would not be one.
func (c *inclusion[E]) link(old, cur uint32, delta int32) bool {
	for _, p := range c.ids {
		if p.old == old {
			return p.cur == cur && p.delta == delta
		}
	}
	c.ids = append(c.ids, idPair{old, cur, delta})
	return true
}

// includes reports that old describes all that cur describes.
func (c *inclusion[E]) includes(old, cur *state[E]) bool {
	if len(old.frames) != len(cur.frames) {
		return false
	}
	c.ids = c.ids[:0]
	if !c.heldWithin(old, cur) {
		return false
	}
	for i := len(old.frames) - 1; i >= 0; i-- {
		o, n := &old.frames[i], &cur.frames[i]
		if o.site != n.site || o.back != n.back || o.calls > n.calls {
			return false
		}
		for j := range o.regs {
			if !c.within(&o.regs[j], &n.regs[j]) {
				return false
			}
		}
	}
	for i := range old.frames {
		if !c.stackWithin(&old.frames[i], &cur.frames[i]) {
			return false
		}
	}
	return true
}

// heldWithin compares what the program holds.
func (c *inclusion[E]) heldWithin(old, cur *state[E]) bool {
	o, n := &old.lock, &cur.lock
	if len(old.refs) != len(cur.refs) || old.sect != cur.sect || o.held != n.held || o.index != n.index || (o.id == 0) != (n.id == 0) {
		return false
	}
	if o.id != 0 && !c.link(o.id, n.id, 0) {
		return false
	}
	for i := range old.refs {
		if !c.link(old.refs[i], cur.refs[i], 0) {
			return false
		}
	}
	return true
}

// alike reports that the running function's registers hold the same kinds and
// words, links apart: a quick test that two states may be equal.
func (c *inclusion[E]) alike(a, b *state[E]) bool {
	if len(a.frames) != len(b.frames) {
		return false
	}
	x, y := a.top(), b.top()
	for n := range x.regs {
		if x.regs[n].kind != y.regs[n].kind || x.regs[n].val != y.regs[n].val {
			return false
		}
	}
	return true
}

// within reports that the register old describes what cur describes.
func (c *inclusion[E]) within(old, cur *reg[E]) bool {
	if old.kind == uninit {
		return true
	}
	if old.kind != cur.kind || old.null != cur.null || old.frame != cur.frame || old.index != cur.index {
		return false
	}
	if old.kind == scalar {
		if old.id != 0 && (cur.id == 0 || !c.link(old.id, cur.id, cur.off-old.off)) {
			return false
		}
		return old.val == cur.val || c.w.d.Leq(64, cur.val, old.val)
	}
	if old.off != cur.off || !c.roomWithin(old, cur) {
		return false
	}
	if (old.packet() || old.id != 0) && !c.link(old.id, cur.id, 0) {
		return false
	}
	if (old.ref == 0) != (cur.ref == 0) || old.ref != 0 && !c.link(old.ref, cur.ref, 0) {
		return false
	}
	return old.val == cur.val || c.w.d.Leq(64, cur.val, old.val)
}

// roomWithin reports that what the range old says of a packet pointer follows
// from the range cur.
//
// Of a slice, it is the id of its dynamic pointer; of an iterator, it counts what
// bounds loops and says nothing of the state.
func (c *inclusion[E]) roomWithin(o, n *reg[E]) bool {
	switch o.kind {
	case slicePtr:
		return c.link(uint32(o.rng), uint32(n.rng), 0)
	case iterSlot:
		return true
	}
	old, cur := o.rng, n.rng

	if old < 0 {
		return cur <= old
	}
	return old <= max(cur, 0)
}

func (c *inclusion[E]) stackWithin(old, cur *frame[E]) bool {
	for i := range old.stack {
		o := &old.stack[i]
		var n slot[E]
		if i < len(cur.stack) {
			n = cur.stack[i]
		}
		if !c.slotWithin(o, &n) {
			return false
		}
	}
	return true
}

func (c *inclusion[E]) slotWithin(old, cur *slot[E]) bool {
	for k, o := range old.bytes {
		n := cur.bytes[k]
		switch o {
		case byteMisc:
			if c.strict && (n == byteNone || n == byteSpill && cur.spill.pointer()) {
				return false
			}
		case byteZero:
			if n != byteZero {
				return false
			}
		}
	}
	if old.n == 0 {
		return true
	}
	if cur.n == old.n && cur.lo == old.lo {
		return c.within(&old.spill, &cur.spill)
	}
	for k := old.lo; k < old.lo+old.n; k++ {
		if cur.bytes[k] != byteZero {
			return false
		}
	}
	zero := reg[E]{kind: scalar, val: c.w.zero}
	return c.within(&old.spill, &zero)
}
