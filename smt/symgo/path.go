package symgo

import (
	"maps"

	"github.com/bpfproof/bpfproof/smt"
)

// pathCond is a condition under which a block is run: all literals from here to
// the root. The root is true.
type pathCond struct {
	parent *pathCond
	lit    smt.Term
	all    smt.Term // conjunction
	depth  int
	run    *activation // whose branch added lit; nil for the root
	block  int
}

// holds returns the value of a condition if the path decides it.
func (p *pathCond) holds(b *smt.Builder, c smt.Term) (value, ok bool) {
	if v, ok := b.ConstValue(c); ok {
		return v != 0, true
	}
	not := b.Not(c)
	for q := p; q.parent != nil; q = q.parent {
		if q.lit == c || q.lit == not {
			return q.lit == c, true
		}
	}
	return false, false
}

// with adds the literals of a conjunction.
func (p *pathCond) with(b *smt.Builder, c smt.Term, run *activation, block int) *pathCond {
	if b.Op(c) == smt.OpAnd {
		for _, x := range b.Args(c) {
			p = p.with(b, x, run, block)
		}
		return p
	}
	if v, ok := b.ConstValue(c); ok && v != 0 {
		return p
	}
	return &pathCond{parent: p, lit: c, all: b.And(p.all, c), depth: p.depth + 1, run: run, block: block}
}

// common returns the longest path that p and q both start with.
func common(p, q *pathCond) *pathCond {
	for p != q {
		if p.depth >= q.depth {
			p = p.parent
		} else {
			q = q.parent
		}
	}
	return p
}

// since returns the conjunction of the literals that p adds to its beginning,
// and the first of them, or nil.
func (p *pathCond) since(b *smt.Builder, beginning *pathCond) (smt.Term, *pathCond) {
	c, first := b.Bool(true), (*pathCond)(nil)
	for ; p != beginning; p = p.parent {
		c, first = b.And(p.lit, c), p
	}
	return c, first
}

// memory holds the contents of variables.
type memory map[*object]Value

// state is what a block starts with.
type state struct {
	path *pathCond
	env  []Value // by the numbers of funcInfo.index
	mem  memory
}

func (s *state) clone() *state {
	return &state{path: s.path, env: append([]Value(nil), s.env...), mem: maps.Clone(s.mem)}
}
