package soundness

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// intervalContracts are about settling, which most operations of the domain
// end with.
func intervalContracts() contracts {
	var ops []Op
	for _, sp := range intervalSpecs() {
		ops = append(ops, sp.ops(intervalPath)...)
	}
	for _, w := range []ir.Width{ir.W64, ir.W32} {
		ops = append(ops, Op{Name: contractPrefix + "Add", Width: w, state: stateAdd})
	}
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16} {
		for _, f := range halvesFuncs() {
			ops = append(ops, Op{Name: contractPrefix + f.name, Width: w, state: f.state})
		}
	}
	return contracts{ops: append(append(ops, rangeContracts()...), factOps()...), set: func(c *calls) {
		for _, sp := range intervalSpecs() {
			sp.about(c, intervalPath)
		}
		c.sayRanges()
		for _, f := range halvesFuncs() {
			c.about(intervalPath+"Halves."+f.name, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				return f.say(c, args, fresh)
			}, 0)
		}
	}}
}

// aside has contracts look at words that operations use on the way: amounts
// of shifts, results before they are negated, and low bits that are extended.
func (s *statement) aside(op ir.ALUOp, x, y, z smt.Term) {
	wide := func(t smt.Term) smt.Term { return s.b.Resize(t, s.w, ir.W64, false) }
	l := s.words64()
	switch n := op.MovSX(); {
	case op == ir.Lsh, op == ir.Rsh, op == ir.Arsh:
		s.pairs = append(s.pairs, pair{wide(y), l.k(uint64(s.w - 1))})
	case op == ir.SDiv, op == ir.SMod: // what is negated
		s.track(s.w, s.b.Bin(sem.Sub, s.w, s.b.Const(s.w, 0), z))
	case n > 0:
		s.lowParts(s.w, n, y)
	}
}

// trackBounds tracks a word at every bound of an element: what keeps these words
// keeps the element.
func (s *statement) trackBounds(w ir.Width, e symgo.Value) {
	l, m := s.words64(), s.words64().k((w / 2).Mask())
	full, low := sides(e)
	for _, r := range full.(*symgo.Struct).Fields {
		least, greatest := rangeBounds(r)
		s.track(ir.W64, least, greatest)
		for _, x := range symgo.Leaves(low) { // the first word from least on with these low bits
			s.track(ir.W64, l.add(least, l.both(l.sub(x, least), m)))
		}
	}
}

// lowParts tracks the low halves of a word that is cut from w to n bits on the
// way.
func (s *statement) lowParts(w, n ir.Width, x smt.Term) {
	l := s.words64()
	x = s.b.Resize(x, w, ir.W64, false)
	for _, k := range []ir.Width{w / 2, n, n / 2} {
		s.track(ir.W64, l.both(x, l.k(k.Mask())))
	}
}

// sides returns Full and Low of an element.
func sides(t symgo.Value) (full, low symgo.Value) {
	f := t.(*symgo.Struct).Fields
	return f[0], f[1]
}

// shape says that each range of t keeps to its half, or is the empty one.
func (c *calls) shape(w ir.Width, t symgo.Value) smt.Term {
	full, low := sides(t)
	return c.b.And(c.halvesValid(full, w), c.halvesValid(low, w/2))
}

// holds says that the low w bits of a word are a word of t.
func (c *calls) holds(w ir.Width, t symgo.Value, x smt.Term) smt.Term {
	l := c.words64()
	return c.side(intervalPath+"T.Contains", t, w, l.both(x, l.k(w.Mask())))
}

// stateAdd demands of Add, which the product calls, what is demanded of the
// operation.
func stateAdd(s *statement) {
	fn, err := s.s.prog.Func(intervalPath + "Add")
	if err != nil {
		s.fail(err)
		return
	}
	a, x := s.withWord("a", "x", s.w)
	b, y := s.withWord("b", "y", s.w)
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
	w := ir.Width(k)
	r, _ := c.narrow(w, fresh(0)) // is the same
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
	full, same := s.narrow(s.w, full)
	s.assumeThat(same)
	other, same = s.narrow(s.w, other)
	s.assumeThat(same)
	s.assumeThat(s.b.And(s.side(intervalPath+"Halves.valid", full, s.w), s.side(intervalPath+"Halves.valid", other, s.w)))
	p := pair{s.word("x", ir.W64), s.word("y", ir.W64)}
	s.pairs = []pair{p}
	cell := s.m.Cell(full)
	s.callFunc(fn, cell, s.w, s.m.Ref(full), s.m.Ref(other))
	r := s.m.Contents(cell)
	s.goal("sound", f.post(s.calls, s.w, full, other, r, p))
	s.goal("valid", s.side(intervalPath+"Halves.valid", r, s.w))
}

func intervalSpecs() []*spec {
	return slices.Concat(settleSpecs(), refineSpecs(), halvesSpecs(), bitSpecs(), shiftSpecs(), divideSpecs())
}
