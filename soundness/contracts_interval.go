package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// intervalContracts are about settling, which most operations of the domain
// end with.
func intervalContracts() contracts {
	var ops []Op
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16, ir.W8} {
		ops = append(ops, Op{Name: fmt.Sprintf("contract.settle%d", w), Width: w, state: stateSettle, bare: true})
	}
	return contracts{ops: append(ops, rangeContracts()...), set: func(c *calls) {
		c.about(intervalPath+"T.settle", c.saySettle, 0)
		c.sayRanges()
	}}
}

// sides returns Full and Low of an element.
func sides(t symgo.Value) (full, low symgo.Value) {
	f := t.(*symgo.Struct).Fields
	return f[0], f[1]
}

// shape says that each range of t keeps to its half, or is the empty one.
func (c *calls) shape(w ir.Width, t symgo.Value) smt.Term {
	full, low := sides(t)
	return c.b.And(c.side(intervalPath+"Halves.valid", full, w), c.side(intervalPath+"Halves.valid", low, w/2))
}

// holds says that the low w bits of a word are a word of t.
func (c *calls) holds(w ir.Width, t symgo.Value, x smt.Term) smt.Term {
	l := c.words64()
	return c.side(intervalPath+"T.Contains", t, w, l.both(x, l.k(w.Mask())))
}

// saySettle says of t.settle(h), for ranges that keep to their halves, that
// the result is valid and that no word is lost, nor any valid element below t.
func (c *calls) saySettle(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	h, ok := c.b.ConstValue(symgo.Leaves(args[1])[0])
	if !ok || h < 4 {
		return nil, smt.Term{}, smt.Term{} // small words are settled in full
	}
	w, before, after := ir.Width(2*h), args[0], fresh(0)
	assume := c.side(intervalPath+"T.Valid", after, w)
	for _, x := range c.words {
		assume = c.b.And(assume, c.b.Implies(c.holds(w, before, x), c.holds(w, after, x)))
	}
	for _, e := range c.elems {
		if e.w == w {
			below := c.side(intervalPath+"Leq", e.elem, before)
			assume = c.b.And(assume, c.b.Implies(below, c.side(intervalPath+"Leq", e.elem, after)))
		}
	}
	return []symgo.Value{after}, assume, c.shape(w, before)
}

// stateSettle demands that settling does what saySettle says.
func stateSettle(s *statement) {
	before, x := s.elem("a"), s.word("x", ir.W64)
	s.assumeThat(s.shape(s.w, before))
	fn, err := s.s.prog.Func(intervalPath + "settle")
	if err != nil {
		s.fail(err)
		return
	}
	after := s.callFunc(fn, s.value(s.w), before)[0]
	s.goal("no word is lost", s.b.Implies(s.holds(s.w, before, x), s.holds(s.w, after, x)))
	s.goal("shape", s.shape(s.w, after))
	s.goal("valid", s.side(intervalPath+"T.Valid", after, s.w))
	e := s.elem("b")
	s.goalIf("valid below", s.b.And(s.side(intervalPath+"T.Valid", e, s.w), s.side(intervalPath+"Leq", e, before)),
		s.side(intervalPath+"Leq", e, after))
}
