package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// refineSpecs: refineUnsigned and refineSigned keep the words that are in
// order, and what they make of valid elements is valid.
func refineSpecs() []*spec {
	return []*spec{
		refineSpec("refineUnsigned", func(l logic[smt.Term], _ ir.Width, x smt.Term) smt.Term { return x }),
		refineSpec("refineSigned", func(l logic[smt.Term], w ir.Width, x smt.Term) smt.Term {
			return l.bin(sem.Xor, x, l.k(w.SignBit()))
		}),
	}
}

// refineSpec is the contract of a refinement by the unsigned order of what rank
// makes of words.
func refineSpec(name string, rank func(l logic[smt.Term], w ir.Width, x smt.Term) smt.Term) *spec {
	return &spec{
		fn: name, widths: wide(),
		fits: []int{1, 2}, made: true,
		require: func(k *call) smt.Term {
			filled := func(e symgo.Value) smt.Term { return k.b.Not(k.run(intervalPath+"T.IsBottom", e)) }
			return k.b.And(k.shape(k.w, k.args[1]), k.shape(k.w, k.args[2]), filled(k.args[1]), filled(k.args[2]))
		},
		ensure: func(k *call) (goals []Goal) {
			for i, side := range []string{"left ", "right "} {
				goals = append(goals, Goal{side + "valid", k.side(intervalPath+"T.Valid", k.results[i], k.w)})
			}
			return goals
		},
		pair: func(k *call, p pair) smt.Term {
			l := k.words64()
			x, y := l.both(p.x, l.k(k.w.Mask())), l.both(p.y, l.k(k.w.Mask()))
			first, second := rank(l, k.w, x), rank(l, k.w, y)
			ordered := k.b.Ite(leaf(k.args[3]), l.lt(first, second), l.le(first, second))
			given := l.and(k.holds(k.w, k.args[1], x), k.holds(k.w, k.args[2], y), ordered)
			return l.implies(given, l.and(k.holds(k.w, k.results[0], x), k.holds(k.w, k.results[1], y)))
		},
		also: func(k *call, p pair, _ smt.Term) {
			l := k.words64()
			k.track(ir.W64, l.both(p.x, l.k(k.w.Mask())), l.both(p.y, l.k(k.w.Mask())))
		},
	}
}
