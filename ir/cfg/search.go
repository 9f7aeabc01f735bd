package cfg

import "slices"

// edge joins two blocks, named by their preorder numbers.
type edge struct{ from, to int32 }

// dfs is a depth-first search of one subprogram. Blocks are named by their
// preorder number within it; number 0 is the entry.
type dfs struct {
	fn     *Func
	block  []BlockID // by preorder number
	num    []int32   // preorder number by BlockID - fn.First, -1 if unreachable
	parent []int32   // in the search tree; -1 for the entry
	post   []int32   // blocks in postorder
	backs  []edge    // edges to an ancestor in the search tree or to the block itself
	cross  []edge    // the other edges outside of the search tree
	// rest lists for each block the indices in cross of the edges whose ends
	// have it as their lowest common ancestor.
	rest lists
}

// frame is a block on the search stack and the number of its successors seen.
type frame struct {
	v    int32
	next int
}

// search walks fn from its entry. An edge to a block that is still open is a
// back edge; to a finished one it is a cross or forward edge, and the lowest
// open ancestor of that block is the two ends' lowest common ancestor
// (Tarjan's off-line method: a finished block is merged into its parent).
func (g *Graph) search(fn *Func) *dfs {
	d := &dfs{fn: fn, num: make([]int32, fn.End-fn.First)}
	for i := range d.num {
		d.num[i] = -1
	}
	var open []bool
	var up unionFind
	enter := func(b BlockID, parent int32) frame {
		v := int32(len(d.block))
		d.num[b-fn.First] = v
		d.block = append(d.block, b)
		d.parent = append(d.parent, parent)
		d.rest.grow()
		open = append(open, true)
		up.add()
		return frame{v: v}
	}
	stack := []frame{enter(fn.First, -1)}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		v := top.v
		succs := g.Blocks[d.block[v]].Succs
		if top.next == len(succs) {
			d.post = append(d.post, v)
			open[v] = false
			if p := d.parent[v]; p >= 0 {
				up.union(v, p)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		s := succs[top.next]
		top.next++
		w := d.num[s-fn.First]
		switch {
		case w < 0:
			stack = append(stack, enter(s, v))
		case open[w]:
			d.backs = append(d.backs, edge{v, w})
		default:
			d.rest.add(up.find(w), int32(len(d.cross)))
			d.cross = append(d.cross, edge{v, w})
		}
	}
	return d
}

// reverse fills RPO and marks what is reachable.
func (g *Graph) reverse(d *dfs) {
	for i, v := range slices.Backward(d.post) {
		b := d.block[v]
		g.pos[b].reachable = true
		g.pos[b].rpo = int32(len(d.post) - 1 - i)
		d.fn.RPO = append(d.fn.RPO, b)
	}
}

// postorder fills RPO and marks what is reachable, as search and reverse do.
func (g *Graph) postorder(fn *Func) {
	type frame struct {
		b    BlockID
		next int32
	}
	g.pos[fn.First].reachable = true
	post := make([]BlockID, 0, fn.End-fn.First)
	stack := make([]frame, 1, 8)
	stack[0].b = fn.First
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		succs := g.Blocks[top.b].Succs
		if int(top.next) == len(succs) {
			post = append(post, top.b)
			stack = stack[:len(stack)-1]
			continue
		}
		s := succs[top.next]
		top.next++
		if !g.pos[s].reachable {
			g.pos[s].reachable = true
			stack = append(stack, frame{b: s})
		}
	}
	slices.Reverse(post)
	for i, b := range post {
		g.pos[b].rpo = int32(i)
	}
	fn.RPO = post
}

// lists is a list of numbers for each block, in two shared arrays.
type lists struct {
	first []int32 // index into cells, -1 at the end
	cells []cell
}

type cell struct{ value, next int32 }

// grow adds an empty list.
func (l *lists) grow() { l.first = append(l.first, -1) }

// add puts x into the list of v.
func (l *lists) add(v, x int32) {
	l.cells = append(l.cells, cell{x, l.first[v]})
	l.first[v] = int32(len(l.cells) - 1)
}

// appendTo appends the list of v to s.
func (l *lists) appendTo(s []int32, v int32) []int32 {
	for i := l.first[v]; i >= 0; i = l.cells[i].next {
		s = append(s, l.cells[i].value)
	}
	return s
}

// unionFind keeps disjoint sets of numbers; a set is named by the member that
// union was told.
type unionFind struct{ up []int32 }

func (u *unionFind) add() { u.up = append(u.up, int32(len(u.up))) }

// find returns the name of v's set, halving the path to it.
func (u *unionFind) find(v int32) int32 {
	for u.up[v] != v {
		u.up[v] = u.up[u.up[v]]
		v = u.up[v]
	}
	return v
}

// union puts the set named v into the set named into.
func (u *unionFind) union(v, into int32) { u.up[v] = into }
