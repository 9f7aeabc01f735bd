package cfg

import "slices"

// order fills the weak topological order and the loops.
//
// Blocks are taken in descending preorder. For a head h, the loop is what
// reaches a back edge to h inside the search subtree of h; found inner loops
// count as one block, their head. A cross or forward edge joins the graph once
// the lowest common ancestor of its ends is reached, so each edge is looked at
// once (Ramalingam 1999). The loop of h is thus the strongly connected
// component of h among the blocks numbered h and above: the components that
// Bourdoncle's method finds.
//
// Siblings are then listed by their heads' reverse postorder. An edge out of
// one sibling into another goes forward in it, because a head is an ancestor
// of its whole loop in the search tree.
func (g *Graph) order(d *dfs) {
	f := findLoops(d)
	n := int32(len(d.block))
	first, next, last := filled(n+1, -1), filled(n, -1), filled(n+1, -1) // children by parent + 1
	for _, v := range slices.Backward(d.post) {
		p := f.parent[v] + 1
		if last[p] < 0 {
			first[p] = v
		} else {
			next[last[p]] = v
		}
		last[p] = v
	}
	loopAt := filled(n, -1) // by head
	stack := []int32{first[0]}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v < 0 { // the loop opened last but not closed is complete
			g.closeLoop(d, loopAt[^v])
			continue
		}
		if next[v] >= 0 {
			stack = append(stack, next[v])
		}
		if f.head[v] {
			loopAt[v] = g.openLoop(d, f, v, loopAt)
			stack = append(stack, ^v)
			if first[v+1] >= 0 {
				stack = append(stack, first[v+1])
			}
		}
		g.place(d, f, v, loopAt)
	}
	for _, e := range d.backs {
		l := &d.fn.Loops[loopAt[e.to]]
		from := d.block[e.from]
		l.Backs = append(l.Backs, from)
		l.Reducible = l.Reducible && g.Dominates(l.Head, from)
	}
	for i := range d.fn.Loops {
		slices.Sort(d.fn.Loops[i].Backs)
	}
}

// place puts v at the end of the order.
func (g *Graph) place(d *dfs, f *forest, v int32, loopAt []int32) {
	at := len(d.fn.WTO)
	p := &g.pos[d.block[v]]
	p.wto = int32(at)
	switch {
	case f.head[v]:
		p.loop = loopAt[v]
	case f.parent[v] >= 0:
		p.loop = loopAt[f.parent[v]]
	}
	d.fn.WTO = append(d.fn.WTO, Element{Block: d.block[v], Head: f.head[v], End: at + 1})
}

func (g *Graph) openLoop(d *dfs, f *forest, v int32, loopAt []int32) int32 {
	l := Loop{Head: d.block[v], Parent: -1, Depth: 1, First: len(d.fn.WTO), Reducible: true}
	if p := f.parent[v]; p >= 0 {
		l.Parent = int(loopAt[p])
		l.Depth = d.fn.Loops[l.Parent].Depth + 1
	}
	d.fn.Loops = append(d.fn.Loops, l)
	return int32(len(d.fn.Loops) - 1)
}

func (g *Graph) closeLoop(d *dfs, i int32) {
	l := &d.fn.Loops[i]
	l.End = len(d.fn.WTO)
	d.fn.WTO[l.First].End = l.End
}

// forest is the loop nesting forest: parent is the head of the innermost loop
// around a block that the block does not head itself, -1 if there is none.
type forest struct {
	parent []int32
	head   []bool
}

func findLoops(d *dfs) *forest {
	n := int32(len(d.block))
	f := &forest{parent: filled(n, -1), head: make([]bool, n)}
	var backs, preds lists
	var rep unionFind
	for v := range n {
		backs.grow()
		preds.grow()
		rep.add()
		if p := d.parent[v]; p >= 0 {
			preds.add(v, p)
		}
	}
	for _, e := range d.backs {
		backs.add(e.to, e.from)
	}
	var work, restored []int32
	for h := n - 1; h >= 0; h-- {
		restored = d.rest.appendTo(restored[:0], h)
		for _, i := range restored {
			preds.add(rep.find(d.cross[i].to), d.cross[i].from)
		}
		f.head[h] = backs.first[h] >= 0
		work = backs.appendTo(work[:0], h)
		for len(work) > 0 {
			v := rep.find(work[len(work)-1])
			work = work[:len(work)-1]
			if v == h {
				continue
			}
			f.parent[v] = h
			rep.union(v, h)
			work = preds.appendTo(work, v)
		}
	}
	return f
}
