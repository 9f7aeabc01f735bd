package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// order is one call of Leq of a part.
type order struct {
	path    string
	w       ir.Width
	a, b    string // the elements' words, printed
	is      smt.Term
	by      Line // that proves it, where it is no result
	certain bool
}

// above notes that a is below r.
func (k component) above(w ir.Width, by Line, r symgo.Value, as ...symgo.Value) {
	for _, a := range as {
		k.orders = append(k.orders, order{k.path, w, fmt.Sprint(symgo.Leaves(a)), fmt.Sprint(symgo.Leaves(r)), k.b.Bool(true), by, true})
	}
}

// leq says of the order that it is within the sets of words, reflexive and
// transitive, and where joins, Top and Bottom are.
func (k component) leq(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	w, a, b := ir.Width(k.number(args[1])), args[2], args[3]
	line := func(name string) Line { return Line{k.name(), "lattice." + name, w} }
	require := k.b.And(k.valid(w, a), k.valid(w, b))
	sure := func(by Line) ([]symgo.Value, smt.Term, smt.Term) {
		k.restOn(by)
		return []symgo.Value{symgo.Bool{Term: k.b.Bool(true)}}, k.b.Bool(true), require
	}
	now := order{path: k.path, w: w, a: fmt.Sprint(symgo.Leaves(a)), b: fmt.Sprint(symgo.Leaves(b))}
	if now.a == now.b {
		return sure(line("Leq"))
	}
	if v, known := k.b.ConstValue(k.isTop(w, b)); known && v == 1 {
		return sure(line("Top"))
	}
	if v, known := k.b.ConstValue(k.isBottom(a)); known && v == 1 {
		return sure(line("Bottom"))
	}
	for _, o := range k.orders {
		if o.certain && o.path == k.path && o.w == w && o.a == now.a && o.b == now.b {
			return sure(o.by)
		}
	}
	r := fresh(0)
	now.is = r.(symgo.Bool).Term
	assume := k.b.Bool(true)
	for _, x := range k.of(w, 1) {
		assume = k.b.And(assume, k.b.Implies(k.b.And(now.is, k.holds(w, a, x)), k.holds(w, b, x)))
	}
	for _, o := range k.orders {
		for _, p := range k.orders {
			if o.path == k.path && p.path == k.path && o.w == w && p.w == w && o.a == now.a && o.b == p.a && p.b == now.b {
				k.restOn(line("Leq.transitive"))
				assume = k.b.And(assume, k.b.Implies(k.b.And(o.is, p.is), now.is))
			}
		}
	}
	k.orders = append(k.orders, now)
	return []symgo.Value{r}, assume, require
}

// name is that of the domain.
func (k component) name() string {
	if k.isTnum() {
		return "tnum"
	}
	return "interval"
}
