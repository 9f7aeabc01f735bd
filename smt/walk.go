package smt

import (
	"iter"
	"slices"
)

// Terms yields every term that roots are made of, each once, arguments before
// the terms that use them.
func (b *Builder) Terms(roots ...Term) iter.Seq[Term] {
	return func(yield func(Term) bool) {
		for _, t := range b.reachable(roots, nil) {
			if !yield(t) {
				return
			}
		}
	}
}

// TermsBut is Terms without the terms that have been dealt with, and without
// what only those are made of.
func (b *Builder) TermsBut(done func(Term) bool, roots ...Term) iter.Seq[Term] {
	return func(yield func(Term) bool) {
		for _, t := range b.reachable(roots, done) {
			if !yield(t) {
				return
			}
		}
	}
}

// reachable lists the terms under roots in ascending, so topological, order. It
// does not enter terms that are done.
func (b *Builder) reachable(roots []Term, done func(Term) bool) []Term {
	seen := make([]uint64, len(b.nodes)/64+1)
	var list []Term
	visit := func(ts []Term) {
		for _, t := range ts {
			b.at(t)
			if bit := uint64(1) << (t.id % 64); seen[t.id/64]&bit == 0 && (done == nil || !done(t)) {
				seen[t.id/64] |= bit
				list = append(list, t)
			}
		}
	}
	visit(roots)
	for i := 0; i < len(list); i++ {
		visit(b.Args(list[i]))
	}
	slices.SortFunc(list, func(x, y Term) int { return int(x.id) - int(y.id) })
	return list
}

// Stats describes the size of a set of terms.
type Stats struct {
	Terms    int // distinct terms
	Edges    int // arguments of distinct terms
	Height   int // longest path from a root to a leaf
	Vars     int
	Applies  int
	Multiply int // multiplications, divisions and remainders by non-constants
}

// Stats measures the terms under roots as a graph, sharing counted once.
func (b *Builder) Stats(roots ...Term) Stats {
	s := Stats{}
	for _, t := range b.reachable(roots, nil) {
		n := b.at(t)
		s.Terms++
		s.Edges += int(n.n)
		s.Height = max(s.Height, int(n.height))
		switch n.op {
		case OpVar:
			s.Vars++
		case OpApply:
			s.Applies++
		case OpMul:
			if n.n > 2 || b.Op(b.Args(t)[0]) != OpConst {
				s.Multiply++
			}
		case OpUDiv, OpURem, OpSDiv, OpSRem:
			s.Multiply++
		}
	}
	return s
}
