package recheck

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// callback tells how a helper calls a function of the program. It finds the
// helper's map, a key and a value of it, or an index, and what was passed on.
type callback struct {
	fn, pass int // indices of the helper's arguments: the function, what is passed on
	owner    int // the one that names the map, or the count of a loop
	async    bool
	retMax   int64 // results are in [0, retMax]
}

var callbacks = map[abi.HelperID]*callback{
	abi.Loop:             {fn: 1, pass: 2, retMax: 1},
	abi.ForEachMapElem:   {fn: 1, pass: 2, retMax: 1},
	abi.TimerSetCallback: {fn: 1, async: true},
}

func callbackOf(in ir.Insn) *callback {
	if in.Kind() != ir.KindCall || in.Row().Pseudo != ir.CallHelper {
		return nil
	}
	return callbacks[abi.HelperID(in.Imm)]
}

// callBack adds the way on which the helper calls back.
//
// Sound: a helper calls back any number of times in a row and then is done: that
// is, at its call it either is done or calls back and comes to the call again. A
// callback that runs by itself finds nothing of what the program has.
func (c *checker[E]) callBack(s *state[E], v *invocation[E], pc ir.PC, cb *callback) error {
	if !cb.async && len(s.Frames) >= maxFrames {
		return refuse("calls nest deeper than %d frames", maxFrames)
	}
	why := bound{kind: enters, depth: int8(len(s.Frames)), pc: pc}
	t := c.copy(s)
	if cb.async {
		why.kind = later
		t.Frames, t.Refs, t.Lock = t.Frames[:0], t.Refs[:0], invariant.Lock{}
	}
	f := t.Push(pc)
	owner := v.arg[cb.owner].Index
	args := []reg[E]{{Kind: invariant.Map, Index: owner, Val: c.zero}, {Kind: invariant.MapKey, Index: owner, Val: c.zero},
		{Kind: invariant.MapValue, Index: owner, Val: c.zero, ID: t.Fresh()}, v.arg[cb.pass]}
	if v.h.ID == abi.Loop {
		n := c.bounds(c.low(v.arg[0].Val, ir.W32)).UMax
		args = []reg[E]{number(c.between(0, max(int64(n)-1, 0))), v.arg[cb.pass]}
	} else if cb.async {
		args = args[:3]
	}
	copy(f.Regs[ir.R1:], args)
	f.Regs[ir.FP] = reg[E]{Kind: invariant.Stack, Frame: uint8(len(t.Frames) - 1), Val: c.zero}
	c.next(ir.PC(v.arg[cb.fn].Index), t, why)
	return nil
}
