package soundness

import (
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// joinSpec: Join(a, b) has the words of both, is above both, and is valid if
// both are. It is not told the width: what is said is said of the line's.
func joinSpec() *spec {
	return &spec{
		fn: "Join", widths: wide(),
		width: func(k *call) (ir.Width, bool) { return k.calls.width, k.calls.width >= ir.W32 },
		args: func(s *statement, _ *symgo.Function, _ ir.Width) []symgo.Value {
			return []symgo.Value{s.elem("a"), s.elem("b")}
		},
		fits: []int{0, 1}, made: true,
		require: func(k *call) smt.Term { return k.b.And(k.shape(k.w, k.args[0]), k.shape(k.w, k.args[1])) },
		ensure: func(k *call) []Goal {
			valid := func(v symgo.Value) smt.Term { return k.run(intervalPath+"T.Valid", v, k.w) }
			leq := func(v symgo.Value) smt.Term { return k.run(intervalPath+"Leq", v, k.results[0]) }
			goals := []Goal{{"shape", k.shape(k.w, k.results[0])}, {"left is below", leq(k.args[0])}, {"right is below", leq(k.args[1])}}
			both := k.b.And(valid(k.args[0]), valid(k.args[1]))
			for _, g := range k.attained(k.results[0]) {
				goals = append(goals, Goal{g.Name, k.b.Implies(both, g.Term)})
			}
			return goals
		},
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.b.Or(k.holds(k.w, k.args[0], x), k.holds(k.w, k.args[1], x)), k.holds(k.w, k.results[0], x))
		},
		facts: func(k *call) {
			m := k.words64().k((k.w / 2).Mask())
			full, _ := sides(k.results[0])
			for _, e := range k.args {
				part, low := sides(e)
				for i, r := range part.(*symgo.Struct).Fields {
					least, greatest := rangeBounds(r)
					from, to := rangeBounds(full.(*symgo.Struct).Fields[i])
					for _, x := range symgo.Leaves(low) {
						k.use("reach.wider", least, greatest, from, to, m, x)
					}
				}
			}
		},
	}
}

// attained says, bound by bound, that an element is valid which has the shape.
func (k *call) attained(e symgo.Value) (goals []Goal) {
	m := k.words64().k((k.w / 2).Mask())
	full, low := sides(e)
	for i, name := range []string{"pos", "neg"} {
		r, s := full.(*symgo.Struct).Fields[i], low.(*symgo.Struct).Fields[i]
		goals = append(goals, Goal{name + " ends in low", k.run(intervalPath+"Range.endsIn", r, m, low)},
			Goal{name + " of low ends", k.run(intervalPath+"T.endsLow", e, m, s)})
	}
	empty := func(h symgo.Value) smt.Term { return k.run(intervalPath+"Halves.empty", h) }
	return append(goals, Goal{"empty", k.b.Eq(empty(full), empty(low))})
}

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

// halvesSpecs: join has the words of either operand, meet those of both. Where
// they are all that is asked for, what the bounds are need not be known.
func halvesSpecs() []*spec {
	either := func(k *call, x smt.Term) smt.Term { return k.b.Or(k.has(k.args[0], x), k.has(k.args[1], x)) }
	both := func(k *call, x smt.Term) smt.Term { return k.b.And(k.has(k.args[0], x), k.has(k.args[1], x)) }
	return []*spec{halvesSpec("join", either), halvesSpec("meet", both)}
}

// halvesSpec says of halves, at each width that both operands are valid at,
// that the result is.
func halvesSpec(name string, has func(k *call, x smt.Term) smt.Term) *spec {
	return &spec{
		fn: name, widths: []ir.Width{ir.W64}, within: soundnessOnly,
		require: func(k *call) smt.Term {
			some := k.b.Bool(false)
			for _, w := range bitWidths() {
				some = k.b.Or(some, k.b.And(k.halvesValid(k.args[0], w), k.halvesValid(k.args[1], w)))
			}
			return some
		},
		ensure: func(k *call) (goals []Goal) {
			for _, w := range bitWidths() {
				given := k.b.And(k.halvesValid(k.args[0], w), k.halvesValid(k.args[1], w))
				goals = append(goals, Goal{fmt.Sprintf("%d bits", w), k.b.Implies(given, k.halvesValid(k.results[0], w))})
			}
			return goals
		},
		word: func(k *call, x smt.Term) smt.Term { return k.b.Implies(has(k, x), k.has(k.results[0], x)) },
	}
}

// soundnessOnly are lines that ask of ranges nothing but what words they have.
func soundnessOnly(line string) bool {
	return strings.HasPrefix(line, "alu.") || strings.HasPrefix(line, "refine.") || strings.HasPrefix(line, contractPrefix+"refine")
}
