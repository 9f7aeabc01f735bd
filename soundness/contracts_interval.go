package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// intervalContracts are about settling, which most operations of the domain
// end with.
func intervalContracts() contracts {
	var ops []Op
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16, ir.W8} {
		ops = append(ops, Op{Name: contractPrefix + "settle", Width: w, state: stateSettle, bare: true})
	}
	for _, w := range []ir.Width{ir.W64, ir.W32} {
		ops = append(ops, Op{Name: contractPrefix + "Add", Width: w, state: stateAdd})
	}
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16} {
		for _, f := range halvesFuncs() {
			ops = append(ops, Op{Name: contractPrefix + f.name, Width: w, state: f.state})
		}
	}
	return contracts{ops: append(ops, rangeContracts()...), set: func(c *calls) {
		c.about(intervalPath+"T.settle", c.saySettle, 0)
		c.sayRanges()
		for _, f := range halvesFuncs() {
			c.about(intervalPath+"Halves."+f.name, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				return f.say(c, args, fresh)
			}, 0)
		}
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
// the result is valid, is within t, and that no word is lost, nor any valid
// element below t.
func (c *calls) saySettle(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	h, ok := c.b.ConstValue(symgo.Leaves(args[1])[0])
	if !ok || h < 4 {
		return nil, smt.Term{}, smt.Term{} // small words are settled in full
	}
	w, before, after := ir.Width(2*h), args[0], fresh(0)
	assume := c.b.And(c.side(intervalPath+"T.Valid", after, w), c.side(intervalPath+"Leq", after, before))
	for _, x := range c.words {
		assume = c.b.And(assume, c.b.Implies(c.holds(w, before, x), c.holds(w, after, x)))
	}
	for _, e := range c.elems {
		if e.w == w {
			elem := e.elem
			if c.s.Domain.Name == "tnum+interval" {
				elem = elem.(*symgo.Struct).Fields[1]
			}
			below := c.side(intervalPath+"Leq", elem, before)
			assume = c.b.And(assume, c.b.Implies(below, c.side(intervalPath+"Leq", elem, after)))
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
	s.goal("no word is added", s.side(intervalPath+"Leq", after, before))
	s.goal("shape", s.shape(s.w, after))
	s.goal("valid", s.side(intervalPath+"T.Valid", after, s.w))
	e := s.elem("b")
	s.goalIf("valid below", s.b.And(s.side(intervalPath+"T.Valid", e, s.w), s.side(intervalPath+"Leq", e, before)),
		s.side(intervalPath+"Leq", e, after))
}

// stateAdd demands of Add, which the product calls, what is demanded of the
// operation.
func stateAdd(s *statement) {
	fn, err := s.s.prog.Func(intervalPath + "Add")
	if err != nil {
		s.fail(err)
		return
	}
	a, x := s.member("a", "x", s.w)
	b, y := s.member("b", "y", s.w)
	z := s.b.Bin(sem.Add, s.w, x, y)
	s.track(s.w, z)
	s.pairs = append(s.pairs, s.operands(ir.Add, x, y))
	s.result("", s.w, s.callFunc(fn, s.w, a, b)[0], z)
}

// halvesFunc is a method of Halves that operates on two others.
type halvesFunc struct {
	name string
	op   sem.BinOp
}

func halvesFuncs() []halvesFunc {
	return []halvesFunc{{"setSum", sem.Add}, {"setDifference", sem.Sub}}
}

// say says of r.f(w, a, b) that r is valid, and contains what the operation
// makes of the low bits of the operands' members.
func (f halvesFunc) say(c *calls, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	k, ok := c.b.ConstValue(symgo.Leaves(args[1])[0])
	if !ok || k < 16 {
		return nil, smt.Term{}, smt.Term{}
	}
	w, r := ir.Width(k), fresh(0)
	assume := c.side(intervalPath+"Halves.valid", r, w)
	for _, p := range c.pairs {
		assume = c.b.And(assume, f.post(c, w, args[2], args[3], r, p))
	}
	return []symgo.Value{r}, assume, c.b.And(c.side(intervalPath+"Halves.valid", args[2], w), c.side(intervalPath+"Halves.valid", args[3], w))
}

func (f halvesFunc) post(c *calls, w ir.Width, a, b, r symgo.Value, p pair) smt.Term {
	l := c.words64()
	low := func(x smt.Term) smt.Term { return l.both(x, l.k(w.Mask())) }
	has := func(h symgo.Value, x smt.Term) smt.Term { return c.side(intervalPath+"Halves.contains", h, low(x)) }
	return l.implies(l.and(has(a, p.x), has(b, p.y)), has(r, c.b.Bin(f.op, ir.W64, p.x, p.y)))
}

func (f halvesFunc) state(s *statement) {
	fn, err := s.s.prog.Func(intervalPath + "Halves." + f.name)
	if err != nil {
		s.fail(err)
		return
	}
	full, _ := sides(s.elem("a"))
	other, _ := sides(s.elem("b"))
	s.assumeThat(s.b.And(s.side(intervalPath+"Halves.valid", full, s.w), s.side(intervalPath+"Halves.valid", other, s.w)))
	p := pair{s.word("x", ir.W64), s.word("y", ir.W64)}
	s.pairs = []pair{p}
	cell := s.m.Cell(full)
	s.callFunc(fn, cell, s.w, s.m.Ref(full), s.m.Ref(other))
	r := s.m.Contents(cell)
	s.goal("sound", f.post(s.calls, s.w, full, other, r, p))
	s.goal("valid", s.side(intervalPath+"Halves.valid", r, s.w))
}
