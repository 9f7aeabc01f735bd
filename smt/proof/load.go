package proof

import (
	"context"
	"slices"
)

// newChecker copies formula and proof, with variables renumbered without gaps
// and without literals that stand twice in a clause, and finds the clauses
// that the proof deletes.
func newChecker(ctx context.Context, f *Formula, p *Proof, limits Limits) *checker {
	c := &checker{ctx: ctx, limit: limits.Visits, formula: f.len()}
	c.table.limit = 2 * DefaultLiterals
	names := newNames(f, p)
	index := newIndex(f.len() + p.len())
	for i := range f.len() {
		c.load(names, f.clause(int32(i)))
		index.add(int32(i), c.clause(int32(i)))
	}
	for i := range p.len() {
		number := int32(i + 1)
		if !p.deletes[i] {
			k := c.load(names, p.clause(int32(i)))
			pivot := literal(0)
			if lits := c.clause(k); len(lits) > 0 {
				pivot = lits[0]
			}
			c.pivots = append(c.pivots, pivot)
			index.add(k, c.clause(k))
			c.steps = append(c.steps, step{clause: k, number: number})
			continue
		}
		lits := names.rename(nil, p.clause(int32(i)))
		if k := index.remove(c, lits); k != none {
			c.steps = append(c.steps, step{clause: k, number: number, deletes: true})
		} else {
			c.ignored++
		}
		if c.err != nil {
			break
		}
	}
	vars := int(names.count)
	c.flags = make([]uint8, c.len())
	c.value = make([]int8, 2*vars)
	c.lists = [2][][]watch{make([][]watch, 2*vars), make([][]watch, 2*vars)}
	c.reason, c.place, c.seen = make([]int32, vars), make([]int32, vars), make([]int64, vars)
	c.known = make([]bool, vars)
	return c
}

// load appends a clause and returns its number.
func (c *checker) load(n *names, lits []literal) int32 {
	c.lits = n.rename(c.lits, lits)
	c.ends = append(c.ends, uint32(len(c.lits)))
	return int32(c.len() - 1)
}

// names renumbers variables from 1, in the order in which they occur.
type names struct {
	dense  []uint32           // by old variable, if these are not much more than literals
	sparse map[literal]uint32 // otherwise
	count  uint32             // of new variables, 0 included
	last   []uint32           // by new literal: clause that it was last seen in
	clause uint32
}

func newNames(f *Formula, p *Proof) *names {
	n := &names{count: 1, last: make([]uint32, 2)}
	most := literal(0)
	for _, lits := range [][]literal{f.lits, p.lits} {
		if len(lits) > 0 {
			most = max(most, slices.Max(lits)>>1)
		}
	}
	if int(most) <= 4*(len(f.lits)+len(p.lits)) {
		n.dense = make([]uint32, most+1)
	} else {
		n.sparse = map[literal]uint32{}
	}
	return n
}

// rename appends the literals to dst, each once.
func (n *names) rename(dst, lits []literal) []literal {
	n.clause++
	for _, l := range lits {
		var v uint32
		if n.sparse != nil {
			v = n.sparse[l>>1]
		} else {
			v = n.dense[l>>1]
		}
		if v == 0 {
			v = n.count
			n.count++
			n.last = append(n.last, 0, 0)
			if n.sparse != nil {
				n.sparse[l>>1] = v
			} else {
				n.dense[l>>1] = v
			}
		}
		x := literal(v)<<1 | l&1
		if n.last[x] != n.clause {
			n.last[x] = n.clause
			dst = append(dst, x)
		}
	}
	return dst
}

// index finds clauses by their set of literals.
type index struct {
	heads []int32 // by hash: first clause
	chain []int32 // by clause: next one
	mask  uint64
}

func newIndex(n int) *index {
	size := 1
	for size < n {
		size *= 2
	}
	x := &index{heads: make([]int32, size), chain: make([]int32, n), mask: uint64(size - 1)}
	for i := range x.heads {
		x.heads[i] = none
	}
	return x
}

// head returns where the chain of a set of literals begins.
func (x *index) head(lits []literal) *int32 {
	sum, odd := uint64(0), uint64(0)
	for _, l := range lits {
		h := (uint64(l) + 1) * 0x9e3779b97f4a7c15
		h = (h ^ h>>32) * 0xd6e8feb86659fd93
		sum, odd = sum+h, odd^h
	}
	sum = (sum ^ odd>>7) * 0x94d049bb133111eb
	return &x.heads[(sum^sum>>31)&x.mask]
}

func (x *index) add(k int32, lits []literal) {
	at := x.head(lits)
	x.chain[k], *at = *at, k
}

// remove finds a clause of these literals, the latest one, and forgets it.
func (x *index) remove(c *checker, lits []literal) int32 {
	slices.Sort(lits)
	for at := x.head(lits); *at != none && c.err == nil; at = &x.chain[*at] {
		k := *at
		c.work(1)
		if have := c.clause(k); len(have) == len(lits) && within(have, lits) {
			*at = x.chain[k]
			return k
		}
	}
	return none
}

// within reports whether all literals stand in the sorted list.
func within(have, sorted []literal) bool {
	for _, l := range have {
		if _, ok := slices.BinarySearch(sorted, l); !ok {
			return false
		}
	}
	return true
}
