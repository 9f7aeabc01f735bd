package cfg

// dominators fills the immediate dominators and the intervals of the dominator
// tree by the simple form of Lengauer and Tarjan's algorithm: O(m log n).
func (g *Graph) dominators(d *dfs) {
	n := int32(len(d.block))
	l := newLink(n)
	idom := make([]int32, n)
	bucket, next := filled(n, -1), filled(n, -1) // lists of blocks by semidominator
	for w := n - 1; w > 0; w-- {
		for _, p := range g.Blocks[d.block[w]].Preds {
			if v := d.num[p-d.fn.First]; v >= 0 {
				l.semi[w] = min(l.semi[w], l.semi[l.eval(v)])
			}
		}
		s := l.semi[w]
		next[w], bucket[s] = bucket[s], w
		p := d.parent[w]
		l.ancestor[w] = p
		for v := bucket[p]; v >= 0; v = next[v] {
			idom[v] = p
			if u := l.eval(v); l.semi[u] < l.semi[v] {
				idom[v] = u
			}
		}
		bucket[p] = -1
	}
	for w := int32(1); w < n; w++ {
		if idom[w] != l.semi[w] {
			idom[w] = idom[idom[w]]
		}
	}
	g.domTree(d, idom)
}

// domTree numbers the dominator tree so that a block's subtree is an interval.
// A dominator has a smaller preorder number than what it dominates, so sizes
// add up from the end and intervals are dealt out from the front.
func (g *Graph) domTree(d *dfs, idom []int32) {
	n := int32(len(idom))
	size, free := filled(n, 1), make([]int32, n)
	for w := n - 1; w > 0; w-- {
		size[idom[w]] += size[w]
	}
	for w := range n {
		p := &g.pos[d.block[w]]
		if w > 0 {
			p.idom = d.block[idom[w]]
			p.domIn = free[idom[w]]
			free[idom[w]] += size[w]
		}
		p.domOut = p.domIn + size[w]
		free[w] = p.domIn + 1
	}
}

// link is the forest of Lengauer and Tarjan: label[v] is the vertex of least
// semidominator on the compressed path above v.
type link struct {
	semi, label, ancestor []int32
	path                  []int32
}

func newLink(n int32) *link {
	l := &link{semi: make([]int32, n), label: make([]int32, n), ancestor: filled(n, -1)}
	for i := range n {
		l.semi[i], l.label[i] = i, i
	}
	return l
}

// eval returns the vertex of least semidominator on the path from v to its
// root, the root excluded, or v if v is a root.
func (l *link) eval(v int32) int32 {
	if l.ancestor[v] < 0 {
		return v
	}
	l.path = l.path[:0]
	for u := v; l.ancestor[l.ancestor[u]] >= 0; u = l.ancestor[u] {
		l.path = append(l.path, u)
	}
	for i := len(l.path) - 1; i >= 0; i-- {
		u := l.path[i]
		a := l.ancestor[u]
		if l.semi[l.label[a]] < l.semi[l.label[u]] {
			l.label[u] = l.label[a]
		}
		l.ancestor[u] = l.ancestor[a]
	}
	return l.label[v]
}

func filled(n, x int32) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = x
	}
	return s
}
