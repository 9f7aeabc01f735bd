package recheck

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// bound tells what bounds how often runs go from a record to the next.
type bound struct {
	kind  uint8
	depth int8 // frames of the state before
	pc    ir.PC
}

// The kinds of bounds.
const (
	free    uint8 = iota
	counted       // uses up some of the frame's may_goto budget
	enters        // a helper calls back
	returns       // a helper that calls back is done
	later         // another run: a callback that runs by itself
)

type edge struct {
	to  int32
	why bound
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
// Without these edges the run stays in a smaller component, of which the same is
// true. A component without edges is never stayed in.
func (c *checker[E]) endless() int32 {
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

// cutBounded removes the edges inside a component that are taken finitely often
// by runs that stay in it. It reports whether there are any edges, and whether it
// removed one.
func (c *checker[E]) cutBounded(comp, scope []int32, id int32) (cyclic, cut bool) {
	least := maxFrames
	var done []ir.PC
	inside := func(e edge) bool { return scope[e.to] == id }
	for _, n := range comp {
		least = min(least, len(c.set.Records[n].State.Frames))
	}
	for _, n := range comp {
		for _, e := range c.edges[n] {
			if inside(e) && e.why.kind == returns && int(e.why.depth) == least {
				done = append(done, e.why.pc)
			}
		}
	}
	moved := map[int32]bool{}
	for _, n := range c.climbing(comp, least, func(n int32) bool { return slices.ContainsFunc(c.edges[n], inside) }) {
		moved[n] = true
	}
	for _, n := range comp {
		c.edges[n] = slices.DeleteFunc(c.edges[n], func(e edge) bool {
			if !inside(e) {
				return false
			}
			cyclic = true
			bounded := moved[n] || int(e.why.depth) == least && (e.why.kind == counted || e.why.kind == enters && !slices.Contains(done, e.why.pc))
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
func components(edges [][]edge, nodes, scope []int32, id int32) [][]int32 {
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
				to := edges[n][v.edge].to
				v.edge++
				if scope[to] != id {
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
