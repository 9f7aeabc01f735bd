package verifier

import (
	"math"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// mostCounted bounds the loops of bpf_loop whose calls are counted.
const mostCounted = 1 << 12

// mostCalls returns how often the helper whose arguments are in the frame calls
// back at most.
func (t *stepper[E]) mostCalls(fr *frame[E], cb *abi.Callback) uint64 {
	if cb.Count < 0 {
		return math.MaxUint64
	}
	r := &fr.regs[ir.R1+ir.Reg(cb.Count)]
	if r.kind != scalar {
		return math.MaxUint32
	}
	return t.w.bounds(t.w.low(r.val, ir.W32)).UMax
}

// callBack makes the states after the call of a helper with a callback: one in
// which the helper is done, which goes on behind the call, and one in which it
// calls, put aside. When the callback returns, the path comes to the call again.
//
// Sound: the helper calls the function some number of times in a row, perhaps
// none; every such run is a path through the call. In the frame that called the
// helper, calls is not more than how often it has called back; where that is as
// often as it may, it calls no more. An asynchronous callback may run at any time
// later, on a stack of its own, holding nothing.
func (e *engine[E]) callBack(s *state[E], pc ir.PC, cb *abi.Callback, from int32) {
	caller := s.top()
	most, calls, inst := e.stepper.mostCalls(caller, cb), caller.calls, caller.inst
	caller.inst, caller.calls = 0, 0
	if uint64(calls) >= most {
		return
	}
	other := e.take()
	other.copyFrom(s)
	fn := ir.PC(other.top().regs[ir.R1+ir.Reg(cb.Func)].index)
	args := e.stepper.callbackArgs(other, cb, most)
	other.top().inst = inst
	switch {
	case cb.Async:
		other.frames, other.refs, other.lock, other.sect = other.frames[:0], other.refs[:0], lock{}, section{}
	case most > mostCounted:
	case e.counting:
		other.top().calls = calls + 1
	default:
		e.uncounted = true
	}
	f := other.push(pc, e.prog.FuncAt(fn))
	f.back, f.held = cb, len(other.refs)
	f.life = e.stepper.newID()
	copy(f.regs[ir.R1:ir.R6], args[:])
	f.regs[ir.FP] = reg[E]{kind: stackPtr, frame: uint8(len(other.frames) - 1), val: e.w.zero}
	if cb.Async {
		from = -1
	}
	e.await(other, fn, from)
}

// callbackArgs returns what a callback finds, of most calls.
func (t *stepper[E]) callbackArgs(s *state[E], cb *abi.Callback, most uint64) (args [5]reg[E]) {
	fr := s.top()
	of := func(arg int) *reg[E] { return &fr.regs[ir.R1+ir.Reg(arg)] }
	for i, a := range cb.Args {
		switch a {
		case abi.CallbackIndex:
			args[i] = number(t.between(0, int64(most-1)))
		case abi.CallbackMap:
			args[i] = reg[E]{kind: mapPtr, index: of(cb.Map).index, val: t.w.zero}
		case abi.CallbackKey:
			args[i] = reg[E]{kind: mapKey, index: of(cb.Map).index, val: t.w.zero}
		case abi.CallbackValue:
			args[i] = reg[E]{kind: mapValue, index: of(cb.Map).index, val: t.w.zero}
			if specOf(t.prog, of(cb.Map)).FieldOf(ir.SpinLockField) != nil {
				args[i].id = t.newID()
			}
		case abi.CallbackPassed:
			args[i] = *of(cb.Passed)
		default:
			args[i] = t.kernelArg(fr, a)
		}
	}
	return args
}

// widenAfter is how often a bounded loop is walked before its states are
// widened, widenFast how often until that leaves no more to the domain: some take
// as many steps as a word has bits.
const (
	widenAfter = 2
	widenFast  = 6
)

// widen makes s describe more, so that a bounded loop's states are soon all
// described: numbers that differ from those of the last time become what the
// domain widens them to.
//
// Sound: each place describes at least what it did. A link that is dropped is a
// condition less.
//
// With near set, numbers that grow are widened to the constants of the program
// at most, as long as there are greater ones.
func (e *engine[E]) widen(last, s *state[E], near bool) {
	for i := range s.frames {
		o, n := &last.frames[i], &s.frames[i]
		for j := range n.regs {
			e.widenReg(&o.regs[j], &n.regs[j], near)
		}
		for j := range n.stack {
			old := o.at(j)
			e.widenSlot(&old, &n.stack[j], near)
		}
	}
}

func (e *engine[E]) widenReg(old, now *reg[E], near bool) {
	if now.kind != scalar || old.kind != scalar || now.val == old.val && now.id == 0 {
		return
	}
	if !e.w.d.Leq(ir.W64, now.val, old.val) {
		both := e.w.d.Join(ir.W64, old.val, now.val)
		if near {
			now.val = e.nearer(both)
		} else {
			now.val = e.w.d.Widen(ir.W64, old.val, both)
		}
	} else {
		now.val = old.val
	}
	now.id, now.off = 0, 0
}

// nearer returns the words between the constants of the program that are next to
// those of both, as far as they have the lowest bits that all of both share.
//
// Sound: the result includes both, or is top.
func (e *engine[E]) nearer(both E) E {
	b := e.w.bounds(both)
	t := e.flow.constants
	near := e.w.top
	if b.SMin != math.MinInt64 {
		k := 0
		for k < maxAligned && e.w.aligned(both, -b.SMin, 2<<k) {
			k++
		}
		if k > 0 {
			n := e.w.num(uint64(k))
			near = e.w.addNum(e.w.alu(ir.Lsh, ir.W64, near, n), b.SMin)
		}
	}
	i, found := slices.BinarySearch(t, b.SMax)
	if i < len(t) {
		near, _ = e.w.d.Refine(sem.SLE, ir.W64, near, e.w.num(uint64(t[i])))
	}
	if i, found = slices.BinarySearch(t, b.SMin); !found {
		i--
	}
	if i >= 0 {
		_, near = e.w.d.Refine(sem.SLE, ir.W64, e.w.num(uint64(t[i])), near)
	}
	if e.w.d.Leq(ir.W64, both, near) {
		return near
	}
	return e.w.top
}

// maxAligned bounds the lowest bits that nearer keeps.
const maxAligned = 6

func (e *engine[E]) widenSlot(old, now *slot[E], near bool) {
	if now.n > 0 && now.n == old.n && now.lo == old.lo {
		e.widenReg(&old.spill, &now.spill, near)
		if now.n < slotSize && now.spill.kind == scalar {
			now.spill.val = e.w.low(now.spill.val, ir.Width(8*now.n))
		}
		return
	}
	if now.n > 0 && now.spill.kind == scalar {
		now.forget()
	}
	for k := range now.bytes {
		if now.bytes[k] == byteZero && old.bytes[k] != byteZero {
			now.bytes[k] = byteMisc
		}
	}
}
