package symgo

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/smt"
)

// activation is a call of a function that is being run.
type activation struct {
	m       *Machine
	fn      *ssa.Function
	info    *funcInfo
	locals  map[*ssa.Alloc]*object
	pending [][]edge // per block: how it was reached since it was last run
	runs    []int    // per block
	returns []returned
	cuts    []*cutting // whose bodies are being run
	at      token.Pos
}

// edge is one way into a block.
type edge struct {
	from  int // index of the block; -1 for the entry
	state *state
}

type returned struct {
	path   *pathCond
	result *Tuple
	mem    memory
}

// outcome is what a call comes to; returns is false if it panics on all paths.
type outcome struct {
	returns bool
	results []Value
	mem     memory
}

// run runs a function that has a body.
func (m *Machine) run(fn *ssa.Function, args, free []Value, p *pathCond, mem memory) outcome {
	a := &activation{m: m, fn: fn, locals: map[*ssa.Alloc]*object{}, pending: make([][]edge, len(fn.Blocks)),
		runs: make([]int, len(fn.Blocks)), at: fn.Pos()}
	switch {
	case fn.Blocks == nil:
		a.fail("call of "+fn.String(), "%s", m.prog.missing(fn))
	case fn.Recover != nil:
		a.fail("defer", "outside the subset")
	}
	a.info = m.prog.info(fn)
	m.depth++
	if m.depth > m.limits.Depth {
		a.fail("call", "more than %d calls deep", m.limits.Depth)
	}
	s := &state{path: p, env: make([]Value, len(a.info.index)), mem: mem}
	for i, v := range fn.Params {
		s.env[a.info.index[v]] = args[i]
	}
	for i, v := range fn.FreeVars {
		s.env[a.info.index[v]] = free[i]
	}
	a.pending[0] = []edge{{from: -1, state: s}}
	a.drain(nil)
	m.depth--
	return a.finish(p)
}

// drain runs the pending blocks, those of lowest rank first, until none is
// left; only those of a loop if one is given.
func (a *activation) drain(within *loop) {
	for {
		next := -1
		for i, edges := range a.pending {
			inside := within == nil || within.blocks[i]
			if len(edges) > 0 && inside && (next < 0 || a.info.rank[i] < a.info.rank[next]) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		edges := a.pending[next]
		a.pending[next] = nil
		a.enter(next, edges)
	}
}

// enter runs a block once.
func (a *activation) enter(i int, edges []edge) {
	b := a.fn.Blocks[i]
	a.at = blockPos(a.fn, b)
	if l := a.info.loops[i]; l != nil && !l.blocks[edges[0].from] {
		for b := range l.blocks {
			a.runs[b] = 0 // the loop starts anew
		}
	}
	a.runs[i]++
	a.m.blocks++
	if a.runs[i] > a.m.limits.Iterations {
		a.fail("loop", "paths stay in it after %d iterations", a.m.limits.Iterations)
	}
	if a.m.blocks > a.m.limits.Blocks {
		a.fail("call", "more than %d blocks run", a.m.limits.Blocks)
	}
	if n := a.m.limits.Terms; a.m.b.Len() > n {
		a.fail("call", "more than %d terms made", n)
	}
	s := a.merge(b, edges)
	if c := a.cutAt(i); c != nil {
		a.runCut(c, i, s)
		return
	}
	a.block(b, s)
}

// blockPos returns the place of the first instruction that has one.
func blockPos(fn *ssa.Function, b *ssa.BasicBlock) token.Pos {
	for _, in := range b.Instrs {
		if in.Pos().IsValid() {
			return in.Pos()
		}
	}
	return fn.Pos()
}

// merge joins the ways into a block: what differs becomes a choice by the
// conditions under which the ways part.
//
// Right: on every run that reaches the block now, exactly one of the ways was
// taken, and its condition since the common beginning of all is 1 and those of
// the others are 0; so the last way needs no condition.
func (a *activation) merge(b *ssa.BasicBlock, edges []edge) *state {
	last := edges[len(edges)-1]
	s := &state{path: last.state.path, env: make([]Value, len(a.info.index)), mem: last.state.mem}
	if len(edges) == 1 {
		for _, n := range a.info.live[b.Index] {
			s.env[n] = last.state.env[n]
		}
		a.phis(b, s, last)
		return s
	}
	begin := last.state.path
	for _, e := range edges {
		begin = common(begin, e.state.path)
	}
	conds := make([]smt.Term, len(edges))
	any, through := a.m.b.Bool(false), true
	for i, e := range edges {
		c, first := e.state.path.since(a.m.b, begin)
		conds[i] = c
		any = a.m.b.Or(any, c)
		through = through && first != nil && first.run == a && a.info.postdom[first.block].Bit(b.Index) != 0
	}
	if s.path = begin; !through {
		s.path = begin.with(a.m.b, any, a, b.Index)
	}
	a.mergeValues(b, s, edges, conds)
	return s
}

// mergeValues makes the values that live on in b, its phis, and the contents of
// variables. A variable that not all ways know is out of reach where it is not
// known.
func (a *activation) mergeValues(b *ssa.BasicBlock, s *state, edges []edge, conds []smt.Term) {
	n := len(edges) - 1
	for _, v := range a.info.live[b.Index] {
		x := edges[n].state.env[v]
		for i := n - 1; i >= 0; i-- {
			x = a.m.ite(conds[i], edges[i].state.env[v], x)
		}
		s.env[v] = x
	}
	for _, in := range b.Instrs {
		phi, ok := in.(*ssa.Phi)
		if !ok {
			break
		}
		x := a.phi(phi, edges[n])
		for i := n - 1; i >= 0; i-- {
			x = a.m.ite(conds[i], a.phi(phi, edges[i]), x)
		}
		s.env[a.info.index[phi]] = x
	}
	for i := n - 1; i >= 0; i-- {
		a.m.mergeMemory(conds[i], edges[i].state.mem, s.mem)
	}
}

func (a *activation) phis(b *ssa.BasicBlock, s *state, e edge) {
	for _, in := range b.Instrs {
		phi, ok := in.(*ssa.Phi)
		if !ok {
			return
		}
		s.env[a.info.index[phi]] = a.phi(phi, e)
	}
}

// phi returns what a phi takes on one way.
func (a *activation) phi(phi *ssa.Phi, e edge) Value {
	for i, p := range phi.Block().Preds {
		if p.Index == e.from {
			return a.get(e.state, phi.Edges[i])
		}
	}
	panic(fmt.Sprintf("symgo: no edge from block %d to %v", e.from, phi))
}

// block runs the instructions of a block, phis excepted, and sends the state
// to its successors.
func (a *activation) block(b *ssa.BasicBlock, s *state) {
	for _, in := range b.Instrs {
		if in.Pos().IsValid() {
			a.at = in.Pos()
		}
		if !a.instruction(s, in) {
			return // no path goes on
		}
	}
}

// jump sends the state to a successor of block b.
func (a *activation) jump(b, to *ssa.BasicBlock, s *state) {
	for _, c := range a.cuts {
		if to.Index == c.header {
			c.back = append(c.back, edge{b.Index, s})
			return
		}
	}
	a.pending[to.Index] = append(a.pending[to.Index], edge{b.Index, s})
}

// branch sends the state to one or both successors.
func (a *activation) branch(in *ssa.If, s *state) {
	b := in.Block()
	c := a.boolean(s, in.Cond)
	if v, ok := s.path.holds(a.m.b, c); ok {
		to := 1
		if v {
			to = 0
		}
		a.jump(b, b.Succs[to], s)
		return
	}
	if b.Succs[0] == b.Succs[1] {
		a.jump(b, b.Succs[0], s)
		return
	}
	other := s.clone()
	s.path = s.path.with(a.m.b, c, a, b.Index)
	other.path = other.path.with(a.m.b, a.m.b.Not(c), a, b.Index)
	a.jump(b, b.Succs[0], s)
	a.jump(b, b.Succs[1], other)
}

// finish merges the returns. The path is that of the call again: paths that
// panicked are of no interest.
func (a *activation) finish(p *pathCond) outcome {
	n := len(a.returns) - 1
	if n < 0 {
		return outcome{}
	}
	begin := a.returns[n].path
	for _, r := range a.returns {
		begin = common(begin, r.path)
	}
	var x Value = a.returns[n].result
	mem := a.returns[n].mem
	for i := n - 1; i >= 0; i-- {
		r := a.returns[i]
		c, _ := r.path.since(a.m.b, begin)
		x = a.m.ite(c, r.result, x)
		a.m.mergeMemory(c, r.mem, mem)
	}
	for in, obj := range a.locals {
		if !in.Heap {
			delete(mem, obj)
		}
	}
	return outcome{returns: true, results: x.(*Tuple).Elems, mem: mem}
}

// fail stops the run: the construct is outside of the subset.
func (a *activation) fail(construct, format string, args ...any) {
	panic(failure{&Error{Pos: a.m.prog.fset.Position(a.at), Func: a.fn.String(), Construct: construct,
		Reason: fmt.Sprintf(format, args...)}})
}
