package soundness

import (
	"strings"

	"github.com/bpfproof/bpfproof/ir"
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
		require: validSomewhere,
		ensure:  validEverywhere,
		word:    func(k *call, x smt.Term) smt.Term { return k.b.Implies(has(k, x), k.has(k.results[0], x)) },
	}
}

// soundnessOnly are lines that ask of ranges nothing but what words they have.
func soundnessOnly(line string) bool {
	return strings.HasPrefix(line, "alu.") || strings.HasPrefix(line, "refine.") || strings.HasPrefix(line, contractPrefix+"refine")
}
