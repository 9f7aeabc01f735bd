package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// bitSpecs are the contracts of what goes by bits: conjunctions, unions and
// differences of ranges, and of halves.
func bitSpecs() []*spec {
	specs := []*spec{belowSpec()}
	for _, f := range []struct {
		name string
		op   sem.BinOp
	}{{"and", sem.And}, {"or", sem.Or}, {"xor", sem.Xor}} {
		specs = append(specs, bitRangeSpec(f.name+"Range", f.op), bitHalvesSpec(f.name+"Halves", f.op))
	}
	return specs
}

// belowSpec: below(x) has the bits of x, and those below one that it has.
func belowSpec() *spec {
	return &spec{
		fn: "below", widths: []ir.Width{ir.W64},
		ensure: func(k *call) []Goal {
			l, r := k.words64(), leaf(k.results[0])
			return []Goal{{"filled up", l.eq(r, l.bin(sem.Or, k.term(0), l.shr(r, l.k(1))))}}
		},
	}
}

// bitWidths are the widths at which operations on bits are called: theirs and
// that of their low halves.
func bitWidths() []ir.Width { return []ir.Width{ir.W64, ir.W32, ir.W16} }

// bitRangeSpec: of ranges that keep to one half each, the result keeps to the
// half that the operation makes of these.
func bitRangeSpec(name string, op sem.BinOp) *spec {
	return &spec{
		fn: name, widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term { return k.b.And(k.proper(k.args[0]), k.proper(k.args[1])) },
		ensure: func(k *call) []Goal {
			x, y, r := k.args[0], k.args[1], k.results[0]
			empty := k.b.Or(k.nothing(x), k.nothing(y))
			goals := []Goal{{"empty", k.b.Ite(empty, k.nothing(r), k.filled(r))}}
			for _, w := range bitWidths() {
				in := k.b.And(k.keepsTo(x, w), k.keepsTo(y, w))
				goals = append(goals, Goal{fmt.Sprintf("%d bits", w), k.b.Implies(k.b.And(in, k.b.Not(empty)), k.keepsToAs(x, y, r, w, op))})
			}
			return goals
		},
		pair: func(k *call, p pair) smt.Term { return k.bitPair(p, op, k.in) },
	}
}

// keepsTo says that a range lies in one half of the words of w bits.
func (c *calls) keepsTo(r symgo.Value, w ir.Width) smt.Term {
	l := c.words64()
	least, greatest := rangeBounds(r)
	return l.and(l.le(greatest, l.k(w.Mask())), l.or(l.lt(greatest, l.k(w.SignBit())), l.le(l.k(w.SignBit()), least)))
}

// keepsToAs says that r lies in the half that is that of x op that of y.
func (c *calls) keepsToAs(x, y, r symgo.Value, w ir.Width, op sem.BinOp) smt.Term {
	l, bit := c.words64(), int(w-1)
	top := func(r symgo.Value) smt.Term {
		_, greatest := rangeBounds(r)
		return c.b.Extract(greatest, ir.Width(bit), ir.Width(bit))
	}
	return l.and(c.keepsTo(r, w), c.b.Eq(top(r), c.b.Bin(op, ir.W1, top(x), top(y))))
}

// bitPair says of two words that has tells to be in the operands, taken at each
// width, that what op makes of them is in the result.
func (k *call) bitPair(p pair, op sem.BinOp, has func(v symgo.Value, x smt.Term) smt.Term) smt.Term {
	l, all := k.words64(), k.b.Bool(true)
	for _, w := range bitWidths() {
		x, y := l.both(p.x, l.k(w.Mask())), l.both(p.y, l.k(w.Mask()))
		all = l.and(all, l.implies(l.and(has(k.args[0], x), has(k.args[1], y)), has(k.results[0], l.bin(op, x, y))))
	}
	return all
}

// bitHalvesSpec says the same of halves, for each width that both are valid at.
func bitHalvesSpec(name string, op sem.BinOp) *spec {
	return &spec{
		fn: name, widths: []ir.Width{ir.W64},
		require: validSomewhere,
		ensure:  validEverywhere,
		pair:    func(k *call, p pair) smt.Term { return k.bitPair(p, op, k.has) },
	}
}

// validSomewhere says that there is a width at which both operands, halves, are
// valid.
func validSomewhere(k *call) smt.Term {
	some := k.b.Bool(false)
	for _, w := range bitWidths() {
		some = k.b.Or(some, k.b.And(k.halvesValid(k.args[0], w), k.halvesValid(k.args[1], w)))
	}
	return some
}

// validEverywhere says of each width at which both are that the result is.
func validEverywhere(k *call) (goals []Goal) {
	for _, w := range bitWidths() {
		given := k.b.And(k.halvesValid(k.args[0], w), k.halvesValid(k.args[1], w))
		goals = append(goals, Goal{fmt.Sprintf("%d bits", w), k.b.Implies(given, k.halvesValid(k.results[0], w))})
	}
	return goals
}
