package verifier

import (
	"math"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// callbackArg tells what a callback finds in an argument.
type callbackArg uint8

const (
	noneArg  callbackArg = iota
	indexArg             // a number below the helper's first argument
	mapArg               // the helper's map
	keyArg               // a key of it
	valueArg             // a value of it
	ctxArg               // what the helper was given for the callback
)

// callback tells how a helper calls the function it is given.
type callback struct {
	fn     ir.Reg // the argument that is the function
	ctx    ir.Reg // the argument that is passed on
	owner  ir.Reg // the argument that names the map
	async  bool   // it is called later, by itself
	retMax int64  // its results are in [0, retMax]
	args   [5]callbackArg
}

// callbacks lists the helpers with callbacks, by their numbers.
//
// Source: set_loop_callback_state, set_map_elem_callback_state and
// set_timer_callback_state in kernel/bpf/verifier.c of Linux 6.18.
var callbacks = [...]*callback{
	abi.Loop:             {fn: ir.R2, ctx: ir.R3, retMax: 1, args: [5]callbackArg{indexArg, ctxArg}},
	abi.ForEachMapElem:   {fn: ir.R2, ctx: ir.R3, owner: ir.R1, retMax: 1, args: [5]callbackArg{mapArg, keyArg, valueArg, ctxArg}},
	abi.TimerSetCallback: {fn: ir.R2, owner: ir.R1, async: true, args: [5]callbackArg{mapArg, keyArg, valueArg}},
}

// callbackOf returns how the instruction's helper calls back, or nil.
func callbackOf(in ir.Insn) *callback {
	if in.Kind() != ir.KindCall || in.Row().Pseudo != ir.CallHelper {
		return nil
	}
	if in.Imm < 0 || in.Imm >= int64(len(callbacks)) {
		return nil
	}
	return callbacks[in.Imm]
}

// callBack makes the states after the call of a helper with a callback: one in
// which the helper is done, which goes on behind the call, and one in which it
// calls, put aside. When the callback returns, the path comes to the call again.
//
// Sound: the helper calls the function some number of times in a row, perhaps
// none; every such run is a path through the call. An asynchronous callback may
// run at any time later, on a stack of its own, holding nothing.
func (e *engine[E]) callBack(s *state[E], pc ir.PC, cb *callback, from int32) {
	other := e.take()
	other.copyFrom(s)
	fn := ir.PC(other.top().regs[cb.fn].index)
	args := e.stepper.callbackArgs(other, cb)
	if cb.async {
		other.frames, other.refs, other.lock = other.frames[:0], other.refs[:0], lock{}
	}
	f := other.push(pc, e.prog.FuncAt(fn))
	f.back, f.held = cb, len(other.refs)
	f.life = e.stepper.newID()
	copy(f.regs[ir.R1:ir.R6], args[:])
	f.regs[ir.FP] = reg[E]{kind: stackPtr, frame: uint8(len(other.frames) - 1), val: e.w.zero}
	if cb.async {
		from = -1
	}
	e.await(other, fn, from)
	s.top().inst = 0
}

func (t *stepper[E]) callbackArgs(s *state[E], cb *callback) (args [5]reg[E]) {
	fr := s.top()
	owner := &fr.regs[cb.owner]
	for i, a := range cb.args {
		switch a {
		case indexArg:
			n := t.w.bounds(t.w.low(fr.regs[ir.R1].val, ir.W32)).UMax
			args[i] = number(t.between(0, max(int64(n)-1, 0)))
		case mapArg:
			args[i] = reg[E]{kind: mapPtr, index: owner.index, val: t.w.zero}
		case keyArg:
			args[i] = reg[E]{kind: mapKey, index: owner.index, val: t.w.zero}
		case valueArg:
			args[i] = reg[E]{kind: mapValue, index: owner.index, val: t.w.zero}
			if specOf(t.prog, owner).FieldOf(ir.SpinLockField) != nil {
				args[i].id = t.newID()
			}
		case ctxArg:
			args[i] = fr.regs[cb.ctx]
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
