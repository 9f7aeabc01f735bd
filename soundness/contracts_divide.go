package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

func divideSpecs() []*spec {
	return []*spec{mulHalvesSpec(), negateHalvesSpec(), withoutSpec(), lowestSpec(), remainderSpec(), sharingSpec(), againSpec()}
}

// mulHalvesSpec: mulHalves(w, a, b) has all products.
func mulHalvesSpec() *spec {
	return &spec{
		fn: "mulHalves", widths: []ir.Width{ir.W64, ir.W32, ir.W16},
		fits: []int{1, 2}, made: true,
		require: func(k *call) smt.Term { return k.b.And(k.halvesValid(k.args[1], k.w), k.halvesValid(k.args[2], k.w)) },
		ensure:  func(k *call) []Goal { return []Goal{{"shape", k.halvesValid(k.results[0], k.w)}} },
		pair: func(k *call, p pair) smt.Term {
			l, m := k.words64(), k.words64().k(k.w.Mask())
			given := l.and(k.has(k.args[1], l.both(p.x, m)), k.has(k.args[2], l.both(p.y, m)))
			return l.implies(given, k.has(k.results[0], l.both(k.hard.quietly(p.x, p.y).lo, m)))
		},
	}
}

// negateHalvesSpec: negateHalves(w, a) has -x for all x.
func negateHalvesSpec() *spec {
	return &spec{
		fn: "negateHalves", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term { return k.halvesValid(k.args[1], k.w) },
		ensure:  func(k *call) []Goal { return []Goal{{"shape", k.halvesValid(k.results[0], k.w)}} },
		word: func(k *call, x smt.Term) smt.Term {
			l, m := k.words64(), k.words64().k(k.w.Mask())
			return l.implies(k.has(k.args[1], l.both(x, m)), k.has(k.results[0], l.both(l.neg(x), m)))
		},
		also: func(k *call, _ pair, x smt.Term) { k.track(ir.W64, k.words64().neg(x)) },
	}
}

// withoutSpec: without(w, a, x) has all words of a but x, and no range of it
// starts with 0 if x is 0.
func withoutSpec() *spec {
	return &spec{
		fn: "without", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term {
			return k.b.And(k.shape(k.w, k.args[1]), k.words64().le(k.term(2), k.words64().k(k.w.Mask())))
		},
		ensure: func(k *call) []Goal {
			l := k.words64()
			goals := validResult(k)
			full, _ := sides(k.results[0])
			for _, r := range full.(*symgo.Struct).Fields {
				least, _ := rangeBounds(r)
				goals = append(goals, Goal{"starts", l.implies(l.isZero(k.term(2)), l.or(k.nothing(r), l.not(l.isZero(least))))})
			}
			return goals
		},
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			x = l.both(x, l.k(k.w.Mask()))
			return l.implies(l.and(l.not(l.eq(x, k.term(2))), k.holds(k.w, k.args[1], x)), k.holds(k.w, k.results[0], x))
		},
		also: func(k *call, _ pair, x smt.Term) { k.track(ir.W64, k.words64().both(x, k.words64().k(k.w.Mask()))) },
	}
}

// lowestSpec: lowest(w, a, n) has the lowest n bits of all words.
func lowestSpec() *spec {
	ones := func(k *call) smt.Term { l := k.words64(); return l.sub(l.shl(l.k(1), k.term(2)), l.k(1)) }
	return &spec{
		fn: "lowest", widths: wide(),
		fits: []int{1}, made: true,
		require: func(k *call) smt.Term {
			return k.b.And(k.shape(k.w, k.args[1]), k.words64().lt(k.term(2), k.words64().k(uint64(k.w))))
		},
		ensure: validResult,
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.holds(k.w, k.args[1], x), k.holds(k.w, k.results[0], k.words64().both(x, ones(k))))
		},
		also: func(k *call, _ pair, x smt.Term) {
			k.pairs = append(k.pairs, pair{x, ones(k)})
			k.track(ir.W64, k.words64().both(x, ones(k)))
		},
	}
}

// remainderSpec: remainder(x, y), of ranges with words and y without 0, has
// all remainders.
func remainderSpec() *spec {
	return &spec{
		fn: "remainder", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term {
			least, _ := rangeBounds(k.args[1])
			return k.b.And(k.filled(k.args[0]), k.filled(k.args[1]), k.b.Not(k.words64().isZero(least)))
		},
		ensure: func(k *call) []Goal {
			l := k.words64()
			_, greatest := rangeBounds(k.results[0])
			_, most := rangeBounds(k.args[0])
			return []Goal{{"range", l.and(k.filled(k.results[0]), l.le(greatest, most))}}
		},
		pair: func(k *call, p pair) smt.Term {
			given := k.b.And(k.in(k.args[0], p.x), k.in(k.args[1], p.y))
			return k.b.Implies(given, k.in(k.results[0], k.hard.divide(p.x, p.y, true).r))
		},
		lemmas: func(s *statement, _ *call, p pair) { s.hard.divide(p.x, p.y, true) },
	}
}

// sharingSpec: sharing(r, x) cuts r and loses no word that shares a bit with x.
func sharingSpec() *spec {
	return &spec{
		fn: "sharing", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term { return k.b.And(k.proper(k.args[0]), k.b.Not(k.words64().isZero(k.term(1)))) },
		ensure:  func(k *call) []Goal { return []Goal{{"cut", k.cutOf(k.results[0], k.args[0])}} },
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			return l.implies(l.and(k.in(k.args[0], x), l.not(l.isZero(l.both(x, k.term(1))))), k.in(k.results[0], x))
		},
	}
}

// againSpec: again(r, x, m) reports whether another word of r has the low bits
// of x.
func againSpec() *spec {
	return &spec{
		fn: "again", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term { return k.b.And(k.lowMask(k.term(2)), k.proper(k.args[0])) },
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			same := l.isZero(l.both(l.bin(sem.Xor, x, k.term(1)), k.term(2)))
			return l.implies(l.and(k.in(k.args[0], x), l.not(l.eq(x, k.term(1))), same), leaf(k.results[0]))
		},
	}
}
