package recheck

import (
	"bytes"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck/ending"
)

// invocation is one call of a helper.
type invocation[E comparable] struct {
	h   *abi.Helper
	arg [5]reg[E]   // before the call
	of  *reg[E]     // its map argument, nil if it has none
	m   *ir.MapSpec // which is this one
	wr  [5][2]int64 // the least and most bytes that it may write at an argument
}

// helper checks and executes a call of a helper.
//
// Sound: memory that the helper may write holds any bytes afterwards, what it gives
// back is no longer good, packet pointers are none if it may move the packet, and
// its result is what its class says.
func (c *checker[E]) helper(s *state[E], pc ir.PC, in ir.Insn) error {
	if in.Row().Pseudo != ir.CallHelper {
		return unknown("%s", in.Row().Name)
	}
	h, err := c.available(s, abi.HelperID(in.Imm))
	if err != nil {
		return err
	}
	v := invocation[E]{h: h}
	copy(v.arg[:], s.Top().Regs[ir.R1:ir.R6])
	for i, a := range v.h.Args { // the others refer to it
		if a == abi.ArgMap {
			if err := c.mapArgument(s, &v, i); err != nil {
				return refuseArg(v.h, i, err)
			}
		}
	}
	for i, a := range v.h.Args {
		if a == abi.NoArg || a == abi.ArgMap {
			continue
		}
		if err := c.argument(s, &v, i, a); err != nil {
			return refuseArg(v.h, i, err)
		}
	}
	if v.h.ID == abi.TailCall {
		if err := c.mayEnd(s, in); err != nil {
			return err
		}
		if len(s.Frames) > 1 { // the function that was called returns instead
			t := copied(s)
			c.movePacket(t)
			c.leave(t, c.top)
		}
	}
	cb := abi.CallbackOf(in)
	if cb != nil {
		if err := c.callBack(s, &v, pc, cb); err != nil {
			return err
		}
	}
	r0, err := c.result(s, &v)
	if err != nil {
		return err
	}
	c.effects(s, &v)
	s.Top().Calls = 0
	c.called(s.Top(), r0)
	c.on(pc+1, s)
	if cb != nil {
		c.bounded(ending.Returns, s, pc)
	}
	return nil
}

func refuseArg(h *abi.Helper, i int, err error) error {
	return refuse("argument %d of helper %s: %w", i+1, h.Name, err)
}

// available checks that the program may call the helper at all.
func (c *checker[E]) available(s *state[E], id abi.HelperID) (*abi.Helper, error) {
	h, ok := abi.HelperFor(id, c.prog.Type)
	if !ok {
		return nil, refuse("there is no helper %d", id)
	}
	available, known := abi.Available(id, c.prog.Type, abi.AttachType(c.prog.AttachType))
	switch {
	case !known:
		return nil, unknown("helpers of program type %s", c.prog.Type)
	case !available, h.GPLOnly && !abi.GPLCompatible(c.prog.License), h.Sleeps && c.prog.LoadFlags&abi.LoadSleepable == 0:
		return nil, refuse("helper %s is not for programs of this type, licence and sleep", h.Name)
	case s.Lock.Held && id != abi.SpinUnlock:
		return nil, refuse("helper %s is called with a lock held", h.Name)
	}
	return h, nil
}

// plain checks that r is a pointer of the kind to an object itself, which exists.
func (c *checker[E]) plain(s *state[E], r *reg[E], k invariant.Kind) error {
	if at, ok := c.exact(r); r.Kind != k || r.Null || !ok || at != 0 || !alive(s, r) {
		return refuse("%v is no plain %v", *r, k)
	}
	return nil
}

func (c *checker[E]) mapArgument(s *state[E], v *invocation[E], i int) error {
	r := &v.arg[i]
	if err := c.plain(s, r, invariant.Map); err != nil {
		return err
	}
	v.of, v.m = r, c.prog.MapAt(r.Index)
	switch {
	case !abi.MapAllows(v.m.Type, v.h.ID) || !abi.MapAllowsIn(c.prog.Type, v.m.Type, v.h.ID):
		return refuse("it takes no map of kind %s", v.m.Type)
	case abi.MapReadOnly(v.m) && abi.MapWrites(v.h.ID):
		return refuse("map %q is read-only", v.m.Name)
	}
	return nil
}

// argument checks argument i of class a.
func (c *checker[E]) argument(s *state[E], v *invocation[E], i int, a abi.Arg) error {
	r := &v.arg[i]
	if a == abi.ArgPassed {
		return nil
	}
	if r.Kind == invariant.None {
		return refuse("it was not set")
	}
	isZero := r.Kind == invariant.Scalar && r.Val == c.zero
	if isZero && (v.h.MayBeNull(i) || a == abi.ArgZero) {
		return nil
	}
	if v.m != nil {
		a = abi.ResolveArg(a, v.m.Type)
	}
	switch a {
	case abi.ArgAny:
		return nil
	case abi.ArgCtx:
		return c.plain(s, r, invariant.Ctx)
	case abi.ArgMapKey:
		return c.memory(s, v, i, int64(v.m.KeySize), int64(v.m.KeySize), access{read: true})
	case abi.ArgMapValue, abi.ArgUninitValue:
		return c.memory(s, v, i, int64(v.m.ValueSize), int64(v.m.ValueSize), access{read: a == abi.ArgMapValue, write: a != abi.ArgMapValue})
	case abi.ArgMem, abi.ArgUninitMem, abi.ArgInOutMem:
		return nil // with its size
	case abi.ArgSize, abi.ArgSizeOrZero:
		return c.size(s, v, i, a)
	case abi.ArgFixed, abi.ArgUninitFixed, abi.ArgInOutFixed:
		n := int64(v.h.Fixed[i])
		if a != abi.ArgFixed && !c.aligned(r, 0, n) {
			return refuse("%v is not aligned to %d bytes", *r, n)
		}
		return c.memory(s, v, i, n, n, access{read: a != abi.ArgUninitFixed, write: a != abi.ArgFixed})
	case abi.ArgAllocSize:
		if n, known := c.known(r.Val); r.Kind != invariant.Scalar || !known || n < 0 || n >= maxVar {
			return refuse("%v is no known size", *r)
		}
		return nil
	case abi.ArgRingbufMem:
		return c.released(s, r, c.plain(s, r, invariant.RingRecord))
	case abi.ArgSockCommon, abi.ArgSocket, abi.ArgAnySock, abi.ArgRelease:
		err := c.plain(s, r, invariant.Object)
		switch k := abi.ObjectKind(r.Index); {
		case err == nil && !slices.Contains(abi.ArgObjects(a), k):
			return refuse("%v is another kind of object", *r)
		case err == nil && k == abi.SockStruct && r.Ref == 0:
			return unknown("a socket's structure that no reference keeps")
		case a == abi.ArgRelease:
			return c.released(s, r, err)
		}
		return err
	case abi.ArgConstStr:
		return c.text(r)
	case abi.ArgFunc:
		return c.plain(s, r, invariant.Func)
	case abi.ArgStack:
		if r.Kind != invariant.Stack || r.Null {
			return refuse("%v is no stack", *r)
		}
		return nil
	case abi.ArgSpinLock:
		return c.lock(s, v, r)
	case abi.ArgTimer:
		return c.timer(v, r)
	}
	return unknown("argument %d of helper %s", i+1, v.h.Name)
}

// released checks that what is given back is held, after another check.
func (c *checker[E]) released(s *state[E], r *reg[E], err error) error {
	if err == nil && !s.Holds(r.Ref) {
		return refuse("%v is not held", *r)
	}
	return err
}

// size checks a size and the memory argument before it.
func (c *checker[E]) size(s *state[E], v *invocation[E], i int, a abi.Arg) error {
	n := &v.arg[i]
	b := c.bounds(n.Val)
	if n.Kind != invariant.Scalar || b.SMin < 0 || b.UMax >= maxVar || b.UMin == 0 && a == abi.ArgSize {
		return refuse("%v is no size", *n)
	}
	if v.arg[i-1].Kind == invariant.Scalar && v.arg[i-1].Val == c.zero && v.h.MayBeNull(i-1) && b.UMax == 0 {
		return nil
	}
	class := v.h.Args[i-1]
	return c.memory(s, v, i-1, int64(b.UMin), int64(b.UMax), access{read: class != abi.ArgUninitMem, write: class != abi.ArgMem})
}

// memory checks that the helper may access most bytes at argument i, and notes
// what it may write.
func (c *checker[E]) memory(s *state[E], v *invocation[E], i int, least, most int64, a access) error {
	r := &v.arg[i]
	if r.Kind == invariant.Scalar || r.Null || r.InPacket() && !v.h.Packet {
		return refuse("%v is no memory that it takes", *r)
	}
	a.size, a.byHelper = most, true
	if r.Kind == invariant.Stack && most > 0 {
		lo, _, _ := c.span(r)
		c.touch(s, r, lo)
	}
	if a.write {
		v.wr[i] = [2]int64{least, most}
	}
	return c.allowed(s, r, a)
}

// text checks a terminated string in a map whose contents never change.
func (c *checker[E]) text(r *reg[E]) error {
	if at, ok := c.exact(r); r.Kind == invariant.MapValue && !r.Null && ok && r.Index >= 0 {
		m := c.prog.MapAt(r.Index)
		if m.Frozen && len(m.Contents) == 1 && at >= 0 && at < int64(len(m.Contents[0].Value)) && bytes.IndexByte(m.Contents[0].Value[at:], 0) >= 0 {
			return nil
		}
	}
	return refuse("%v is no terminated constant string", *r)
}

// fieldAt checks that r points to the field of that kind in its map's values.
func (c *checker[E]) fieldAt(r *reg[E], k ir.ValueFieldKind) error {
	at, ok := c.exact(r)
	if r.Kind != invariant.MapValue || r.Null || !ok {
		return refuse("%v is no map value", *r)
	}
	if m := c.prog.MapAt(r.Index); m.Opaque {
		return unknown("kernel objects in map values")
	} else if f := m.FieldOf(k); f == nil || at != int64(f.Off) {
		return refuse("%v is no %s", *r, k)
	}
	return nil
}

// lock checks that the lock is free, or that it is the one that is held.
func (c *checker[E]) lock(s *state[E], v *invocation[E], r *reg[E]) error {
	if err := c.fieldAt(r, ir.SpinLockField); err != nil {
		return err
	}
	now := invariant.Lock{Held: true, Index: r.Index, ID: r.ID}
	if s.Lock.Held == (v.h.ID == abi.SpinLock) || s.Lock.Held && s.Lock != now {
		return refuse("the lock is %v, not %v", s.Lock, now)
	}
	return nil
}

func (c *checker[E]) timer(v *invocation[E], r *reg[E]) error {
	err := c.fieldAt(r, ir.TimerField)
	if err == nil && (r.Index < 0 || v.of != nil && v.of.Index != r.Index) {
		return refuse("the timer is in another map")
	}
	return err
}

// effects does to s what the helper does to its arguments.
func (c *checker[E]) effects(s *state[E], v *invocation[E]) {
	for i, a := range v.h.Args {
		r := &v.arg[i]
		if least, most := v.wr[i][0], v.wr[i][1]; most > 0 && r.Kind == invariant.Stack {
			lo, hi, _ := c.span(r)
			fr := &s.Frames[r.Frame]
			if lo == hi {
				scatter(fr, lo, lo+least, true, false)
				lo += least
			}
			scatter(fr, lo, hi+v.wr[i][1], false, false)
		}
		switch {
		case (a == abi.ArgRelease || a == abi.ArgRingbufMem) && r.Pointer():
			s.Drop(r.Ref)
			s.Each(func(o *reg[E]) {
				if o.Ref == r.Ref {
					*o = number(c.top)
				}
			})
		case a == abi.ArgSpinLock:
			s.Lock = invariant.Lock{}
			if v.h.ID == abi.SpinLock {
				s.Lock = invariant.Lock{Held: true, Index: r.Index, ID: r.ID}
			}
		}
	}
	if v.h.MovesData {
		c.movePacket(s)
	}
}

func (c *checker[E]) movePacket(s *state[E]) {
	s.Each(func(r *reg[E]) {
		if r.InPacket() || r.Kind == invariant.PacketEnd {
			*r = number(c.top)
		}
	})
}

// result returns what the helper leaves in r0, and takes up the reference that
// comes with it.
func (c *checker[E]) result(s *state[E], v *invocation[E]) (reg[E], error) {
	r := reg[E]{Null: true, ID: s.Fresh(), Val: c.zero}
	switch k := abi.RetObject(v.h.Ret); {
	case k != abi.NoObject:
		r.Kind, r.Index = invariant.Object, int32(k)
		if !v.h.Acquires && abi.ReturnsPart(v.h) {
			r.Ref = v.arg[0].Ref // it is a part of that one
		}
		return c.acquired(s, v, r), nil
	case v.h.Ret == abi.RetVoid:
		return reg[E]{}, nil
	case v.h.Ret == abi.RetInteger:
		return number(c.top), nil
	case v.h.Ret == abi.RetLength: // of what it wrote, or an error
		if i := slices.Index(v.h.Args[:], abi.ArgUninitMem); i >= 0 {
			return number(c.between(-4095, int64(c.bounds(v.arg[i+1].Val).UMax))), nil
		}
	case v.h.Ret == abi.RetRingbufOrNull:
		i := slices.Index(v.h.Args[:], abi.ArgAllocSize)
		n, _ := c.known(v.arg[i].Val)
		r.Kind, r.Index = invariant.RingRecord, int32(n)
		return c.acquired(s, v, r), nil
	case v.h.Ret == abi.RetMapValueOrNull, v.h.Ret == abi.RetMapValue:
		return c.found(s, v, r), nil
	}
	return r, unknown("the result of helper %s", v.h.Name)
}

func (c *checker[E]) acquired(s *state[E], v *invocation[E], r reg[E]) reg[E] {
	if v.h.Acquires {
		r.Ref = r.ID
		s.Refs = append(s.Refs, r.ID)
	}
	return r
}

// between returns at least the numbers from lo to hi, read signed.
func (c *checker[E]) between(lo, hi int64) E {
	e, _ := c.d.Refine(sem.SLE, ir.W64, c.top, c.num(hi))
	_, e = c.d.Refine(sem.SLE, ir.W64, c.num(lo), e)
	return e
}

// found returns what looking up the helper's map returns: a value of it, a map
// that it holds, a socket. A known index of an array is found.
func (c *checker[E]) found(s *state[E], v *invocation[E], r reg[E]) reg[E] {
	r.Kind, r.Index, r.Null = invariant.MapValue, v.of.Index, v.h.Ret == abi.RetMapValueOrNull
	if v.h.ID == abi.MapLookupElem {
		switch v.m.Type {
		case ir.ArrayOfMaps, ir.HashOfMaps:
			r.Kind, r.Index = invariant.Map, ^v.of.Index
			return r
		case ir.Sockmap, ir.Sockhash:
			r.Kind, r.Index, r.Ref = invariant.Object, int32(abi.Socket), r.ID
			s.Refs = append(s.Refs, r.ID)
			return r
		case ir.XSKMap:
			r.Kind, r.Index = invariant.Object, int32(abi.XDPSock)
			return r
		case ir.Array, ir.PerCPUArray:
			if key := &v.arg[1]; key.Kind == invariant.Stack && v.m.KeySize == 4 {
				at, ok := c.exact(key)
				if fr := &s.Frames[key.Frame]; ok && slotOf(at) < len(fr.Stack) && byteOf(at) <= 4 {
					k := c.filled(&fr.Stack[slotOf(at)], byteOf(at), ir.W32)
					x, known := c.known(k.Val)
					r.Null = !(k.Kind == invariant.Scalar && known && uint64(x) < uint64(v.m.MaxEntries))
				}
			}
		}
	}
	if !r.Null && v.m.FieldOf(ir.SpinLockField) == nil {
		r.ID = 0
	}
	return r
}

// callBack adds the way on which the helper calls back.
//
// Sound: a helper calls back some number of times in a row and then is done: that
// is, at its call it either is done or calls back and comes to the call again. It
// has called back Calls times at least, so where it is told how often it may, not
// again after that. A callback that runs by itself finds nothing of what the program
// has.
func (c *checker[E]) callBack(s *state[E], v *invocation[E], pc ir.PC, cb *abi.Callback) error {
	most := uint64(1<<64 - 1)
	if cb.Count >= 0 {
		if v.arg[cb.Count].Kind != invariant.Scalar {
			return refuse("%v is no count", v.arg[cb.Count])
		}
		most = c.bounds(c.low(v.arg[cb.Count].Val, ir.W32)).UMax
	}
	if !cb.Async && len(s.Frames) >= ir.MaxFrames {
		return refuse("calls nest deeper than %d frames", ir.MaxFrames)
	}
	if calls := s.Top().Calls; uint64(calls) >= most {
		return nil
	}
	why, t := ending.Enters, copied(s)
	t.Top().Calls++
	if cb.Async {
		why = ending.Later
		t.Frames, t.Refs, t.Lock = t.Frames[:0], t.Refs[:0], invariant.Lock{}
	}
	f := t.Push(pc)
	for i, a := range cb.Args {
		r := &f.Regs[ir.R1+ir.Reg(i)]
		switch a {
		case abi.CallbackIndex:
			*r = number(c.between(0, int64(most-1)))
		case abi.CallbackMap, abi.CallbackKey, abi.CallbackValue:
			kind := [...]invariant.Kind{invariant.Map, invariant.MapKey, invariant.MapValue}[a-abi.CallbackMap]
			*r = reg[E]{Kind: kind, Index: v.arg[cb.Map].Index, Val: c.zero}
			if a == abi.CallbackValue {
				r.ID = t.Fresh()
			}
		case abi.CallbackPassed:
			*r = v.arg[cb.Passed]
		}
	}
	f.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Frame: uint8(len(t.Frames) - 1), Val: c.zero}
	c.on(ir.PC(v.arg[cb.Func].Index), t)
	c.bounded(why, s, pc)
	return nil
}
