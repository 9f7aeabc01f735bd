package verifier

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/cfg"
)

// flow is what the walk needs of a program's control flow.
type flow struct {
	graph *cfg.Graph
	kern  *kernel
	cut   []int32 // by PC: number of the cut point, -1 if it is none
	cuts  int
	loops []loop    // by PC: what bounds how often a path comes there
	live  *liveness // nil if there are no cut points

	moves     []bool  // by function: a call of it may move the packet; nil if none is global
	heads     []bool  // by PC: heads of loops
	leaves    []bool  // by PC: branches of which a way leads out of a loop
	endless   []bool  // by PC: starts of blocks from which no way leads to an exit; nil if there are none
	constants []int64 // what numbers are compared with or set to, and its neighbours, ascending
}

// stuck reports that no way leads from the start of a block to an exit.
func (f *flow) stuck(pc ir.PC) bool { return f.endless != nil && f.endless[pc] }

// loop tells what bounds the number of times that a path comes to a place.
type loop uint8

const (
	loopFree     loop = iota // nothing
	loopCallback             // a helper that calls back a bounded number of times
)

// findFlow marks the cut points, where paths meet and states are compared:
// blocks with several ways in, entries of subprograms, and where calls return
// to. Every cycle goes through one. c is the program's context, nil if it is
// not known.
func findFlow(p *ir.Program, c *abi.Context) (*flow, error) {
	g, err := cfg.Outline(p)
	if err != nil {
		return nil, err
	}
	f := &flow{graph: g, cut: make([]int32, len(p.Insns)), loops: make([]loop, len(p.Insns))}
	if err := f.findLoops(p); err != nil {
		return nil, err
	}
	mark := make([]bool, len(p.Insns))
	for i := range g.Blocks {
		b := &g.Blocks[i]
		entry := g.Funcs[b.Func].First == cfg.BlockID(i)
		mark[b.Start] = len(b.Preds) > 1 || entry && (len(b.Preds) > 0 || b.Func > 0)
	}
	for i := range p.Insns {
		if p.Insns[i].Op.Kind() != ir.KindCall {
			continue
		}
		if p.Insns[i].Row().Pseudo == ir.CallLocal {
			mark[i+1] = true
		}
		if cb := abi.CallbackOf(p.Insns[i]); cb != nil && !cb.Async {
			mark[i], f.loops[i] = true, loopCallback
		}
	}
	for pc := range f.cut {
		f.cut[pc] = -1
		if mark[pc] {
			f.cut[pc] = int32(f.cuts)
			f.cuts++
		}
	}
	if slices.ContainsFunc(p.Funcs, func(fn ir.Func) bool { return fn.Global != nil }) {
		f.moves = abi.MovesPackets(p)
	}
	if f.cuts > 0 {
		f.live = findLiveness(p, g, c != nil && c.Bounded())
	}
	return f, nil
}

// unreachable returns the first instruction that no path from the program's
// start leads to, by jumps, calls and function references.
func (f *flow) unreachable() (pc ir.PC, found bool) {
	g := f.graph
	called := make([]bool, len(g.Funcs))
	called[0] = true
	for work := []int{0}; len(work) > 0; {
		fn := work[len(work)-1]
		work = work[:len(work)-1]
		for _, c := range g.Funcs[fn].Callees {
			if !called[c] {
				called[c] = true
				work = append(work, c)
			}
		}
	}
	for i := range g.Blocks {
		b := &g.Blocks[i]
		if !called[b.Func] || !g.Reachable(cfg.BlockID(i)) {
			return b.Start, true
		}
	}
	return 0, false
}

// stackLimit bounds the stack of a chain of calls in bytes.
const stackLimit = ir.StackSize

// tailLimit bounds the stack of a function's callers where it makes a tail call.
const tailLimit = 256

// checkDepth refuses call chains that are too long, or whose frames take too
// much stack together; used is the depth of each function's frame. The kernel
// counts statically, dead calls included (check_max_stack_depth).
func (f *flow) checkDepth(used []int64) *Finding {
	const visiting, done = 1, 2
	g := f.graph
	mark := make([]uint8, len(g.Funcs))
	depth := make([]int, len(g.Funcs))
	stack := make([]int64, len(g.Funcs))
	var order []int // callees before callers
	type item struct {
		fn, next int
	}
	for open := []item{{0, 0}}; len(open) > 0; {
		it := &open[len(open)-1]
		fn := it.fn
		mark[fn] = visiting
		if it.next < len(g.Funcs[fn].Callees) {
			c := g.Funcs[fn].Callees[it.next]
			it.next++
			switch mark[c] {
			case visiting:
				return &Finding{PC: g.Prog.Funcs[c].PC, Code: CallDepth, Msg: "function " + g.Prog.Funcs[c].Name + " calls itself"}
			case 0:
				open = append(open, item{c, 0})
			}
			continue
		}
		for _, c := range g.Funcs[fn].Callees {
			depth[fn], stack[fn] = max(depth[fn], depth[c]), max(stack[fn], stack[c])
		}
		depth[fn]++
		stack[fn] += roundStack(used[fn])
		mark[fn] = done
		order = append(order, fn)
		open = open[:len(open)-1]
	}
	if fn, above := f.deepTailCall(order, used); fn >= 0 {
		d := refuse(StackTotal, "tail_calls are not allowed when call stack of previous frames is %d bytes. Too large", above)
		return &Finding{PC: g.Prog.Funcs[fn].PC, Code: d.code, Msg: d.msg}
	}
	switch {
	case stack[0] > stackLimit:
		d := refuse(StackTotal, "combined stack size of %d calls is %d. Too large", depth[0], stack[0])
		return &Finding{Code: d.code, Msg: d.msg}
	case depth[0] > ir.MaxFrames:
		d := refuse(CallDepth, "the call stack of %d frames is too deep !", depth[0])
		return &Finding{Code: d.code, Msg: d.msg}
	}
	return nil
}

// roundStack returns what a frame of n bytes takes.
func roundStack(n int64) int64 { return (n + 15) &^ 15 }

// deepTailCall returns a function with a tail call whose callers take
// tailLimit bytes of stack or more, or -1; order lists callees before callers.
func (f *flow) deepTailCall(order []int, used []int64) (fn int, above int64) {
	g := f.graph
	callers := make([]int64, len(g.Funcs))
	for i := len(order) - 1; i >= 0; i-- {
		fn := order[i]
		for _, c := range g.Funcs[fn].Callees {
			callers[c] = max(callers[c], callers[fn]+roundStack(used[fn]))
		}
		if callers[fn] >= tailLimit && f.tailCall(fn) {
			return fn, callers[fn]
		}
	}
	return -1, 0
}

// tailCall reports whether the function makes a tail call.
func (f *flow) tailCall(fn int) bool {
	g := f.graph
	last := g.Funcs[fn].End - 1
	for pc := g.Blocks[g.Funcs[fn].First].Start; pc < g.Blocks[last].End; pc++ {
		in := g.Prog.Insns[pc]
		if in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallHelper && abi.HelperID(in.Imm) == abi.TailCall {
			return true
		}
	}
	return false
}
