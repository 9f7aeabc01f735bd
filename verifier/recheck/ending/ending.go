// Package ending shows that runs end: given the records of a set of invariants
// and which of them follow which, no run follows them for ever, and none nests its
// calls deeper than there is stack.
//
//	edges[i] = append(edges[i], ending.Edge{To: j})
//	if i, why := ending.Nested(p, set, edges, used); i >= 0 { ... }
//	if i := ending.Endless(p, d, set, edges); i >= 0 { ... not shown from record i ... }
//
// It believes the Edges: whoever gives them has shown that each record that
// includes the machine is followed by one that includes it after the instruction
// (package recheck). It knows counters, helpers and budgets, not what an instruction
// may do.
//
// Invariants: it changes the Edges it is given and nothing else, and visits each
// a bounded number of times.
//
// Source: A. Podelski and A. Rybalchenko, "Transition invariants" (LICS 2004), for
// the cut of a component by what decreases in it.
package ending

import (
	"slices"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// Kind tells what bounds how often runs go from a record to the next.
type Kind uint8

// The kinds of bounds.
const (
	Free    Kind = iota
	Counted      // uses up some of the frame's may_goto budget
	Enters       // a helper calls back
	Returns      // a helper that calls back is done
	Later        // another run: a callback that runs by itself
	Apart        // a global function is called, whose states are a chain of frames of their own
)

// Bound is a kind, for the frame that the instruction at PC runs in.
type Bound struct {
	Kind  Kind
	Depth int8 // frames before the instruction
	PC    ir.PC
}

// Edge leads to a record that follows.
type Edge struct {
	To  int32
	Why Bound
}

// graph is what is looked at.
type graph[E comparable] struct {
	prog  *ir.Program
	d     absint.Bounder[E]
	set   *invariant.Set[E]
	edges [][]Edge
}

// Endless returns a record from which runs are not shown to end, or -1. The Edges
// are by record; those of kind Later do not count. It removes some.
func Endless[E comparable](p *ir.Program, d absint.Bounder[E], set *invariant.Set[E], edges [][]Edge) int32 {
	c := &graph[E]{p, d, set, edges}
	return c.endless()
}

// endless returns a record from which runs are not shown to end, or -1.
//
// Sound: a run follows edges, each record that includes the machine to one that
// includes it afterwards. One that does not end stays, from some time on, in one
// strongly connected component. Let d be the least number of frames there: the
// d-th frame then never returns, so it is one frame, with one may_goto budget,
// and edges that use it up are taken finitely often. Likewise if nothing in the
// component leaves a helper that the d-th frame called at some place: the d-th
// frame then stays in one call of it, which calls back a bounded number of times.
// And likewise if a register of the d-th frame only grows there: see climbing.
// (A component in which a global function is called holds a function that calls
// itself, so there the d-th frame is not one: such a component is never cut.)
// Without these Edges the run stays in a smaller component, of which the same is
// true. A component without edges is never stayed in.
func (c *graph[E]) endless() int32 {
	all := make([]int32, len(c.edges))
	for i := range all {
		all[i] = int32(i)
	}
	scope := make([]int32, len(c.edges)) // by record: the component that it is looked at in
	next := int32(1)
	for work := [][]int32{all}; len(work) > 0; {
		nodes := work[len(work)-1]
		work = work[:len(work)-1]
		for _, comp := range components(c.edges, nodes, scope, scope[nodes[0]]) {
			for _, n := range comp {
				scope[n] = next
			}
			cyclic, cut := c.cutBounded(comp, scope, next)
			next++
			if cyclic && !cut {
				return comp[0]
			}
			if cyclic {
				work = append(work, comp)
			}
		}
	}
	return -1
}

// cutBounded removes the Edges inside a component that are taken finitely often
// by runs that stay in it. It reports whether there are any edges, and whether it
// removed one.
func (c *graph[E]) cutBounded(comp, scope []int32, id int32) (cyclic, cut bool) {
	least := len(c.set.Records[comp[0]].State.Frames)
	var done []ir.PC
	inside := func(e Edge) bool { return scope[e.To] == id && e.Why.Kind != Later }
	for _, n := range comp {
		least = min(least, len(c.set.Records[n].State.Frames))
	}
	for _, n := range comp {
		for _, e := range c.edges[n] {
			if inside(e) && e.Why.Kind == Apart {
				return true, false
			}
			if inside(e) && e.Why.Kind == Returns && int(e.Why.Depth) == least {
				done = append(done, e.Why.PC)
			}
		}
	}
	moved := map[int32]bool{}
	for _, n := range c.climbing(comp, least, func(n int32) bool { return slices.ContainsFunc(c.edges[n], inside) }) {
		moved[n] = true
	}
	for _, n := range comp {
		c.edges[n] = slices.DeleteFunc(c.edges[n], func(e Edge) bool {
			if !inside(e) {
				return false
			}
			cyclic = true
			bounded := moved[n] || int(e.Why.Depth) == least && (e.Why.Kind == Counted || e.Why.Kind == Enters && !slices.Contains(done, e.Why.PC))
			cut = cut || bounded
			return bounded
		})
	}
	return cyclic, cut
}

// components returns the strongly connected components of the graph among the
// nodes, which are those in the given scope.
//
// Source: R. Tarjan, "Depth-first search and linear graph algorithms" (1972),
// with a stack of its own.
func components(edges [][]Edge, nodes, scope []int32, id int32) [][]int32 {
	type visit struct{ node, edge int32 }
	order, low := make(map[int32]int32, len(nodes)), make(map[int32]int32, len(nodes))
	open := map[int32]bool{}
	var stack []int32
	var out [][]int32
	for _, root := range nodes {
		if order[root] != 0 {
			continue
		}
		for calls := []visit{{root, 0}}; len(calls) > 0; {
			v := &calls[len(calls)-1]
			n := v.node
			if v.edge == 0 {
				order[n] = int32(len(order) + 1)
				low[n] = order[n]
				stack, open[n] = append(stack, n), true
			}
			if int(v.edge) < len(edges[n]) {
				to, later := edges[n][v.edge].To, edges[n][v.edge].Why.Kind == Later
				v.edge++
				if scope[to] != id || later {
					continue
				}
				if order[to] == 0 {
					calls = append(calls, visit{to, 0})
				} else if open[to] {
					low[n] = min(low[n], order[to])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := calls[len(calls)-1].node
				low[up] = min(low[up], low[n])
			}
			if low[n] == order[n] {
				at := len(stack) - 1
				for stack[at] != n {
					at--
				}
				comp := slices.Clone(stack[at:])
				stack = stack[:at]
				for _, m := range comp {
					open[m] = false
				}
				out = append(out, comp)
			}
		}
	}
	return out
}
