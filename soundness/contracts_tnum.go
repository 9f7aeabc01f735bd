package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// divided says of a division of tnums with result r, by what it makes of the
// words x and y: value is that.
func (c *calls) divided(a, y, r symgo.Value, p pair, value smt.Term) smt.Term {
	l := c.words64()
	return l.implies(l.and(c.inTnum(a, p.x), c.inTnum(y, p.y)), c.inTnum(r, value))
}

// dividedShape says that r is valid at 64 bits, and at 32 if all operands are.
func (c *calls) dividedShape(r symgo.Value, operands ...symgo.Value) smt.Term {
	narrow := c.b.Bool(true)
	for _, t := range operands {
		narrow = c.b.And(narrow, c.side(tnumPath+"T.Valid", t, ir.W32))
	}
	return c.b.And(c.side(tnumPath+"T.Valid", r, ir.W64), c.b.Implies(narrow, c.side(tnumPath+"T.Valid", r, ir.W32)))
}

// quotientOr is x / y, byZero where y is 0.
func (c *calls) quotientOr(p pair, byZero smt.Term) smt.Term {
	l := c.words64()
	return l.choose(l.isZero(p.y), byZero, c.hard.divide(p.x, p.y, true).q)
}

// rest is x % y, x where y is 0.
func (c *calls) rest(p pair) smt.Term {
	l := c.words64()
	return l.choose(l.isZero(p.y), p.x, c.hard.divide(p.x, p.y, true).r)
}

func (c *calls) validAll(vs ...symgo.Value) smt.Term {
	all := c.b.Bool(true)
	for _, v := range vs {
		all = c.b.And(all, c.side(tnumPath+"T.Valid", v, ir.W64))
	}
	return all
}

// sayDivideOr says of divideOr(a, y, byZero), for byZero of one word, that it
// contains the quotients.
func (c *calls) sayDivideOr(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	l, a, y, r := c.words64(), args[0], args[1], fresh(0)
	byZero, open := tnumParts(args[2])
	assume := c.dividedShape(r, args...)
	for _, p := range c.pairs {
		assume = l.and(assume, c.divided(a, y, r, p, c.quotientOr(p, byZero)))
	}
	return []symgo.Value{r}, assume, l.and(c.validAll(args...), l.isZero(open))
}

func stateDivideOr(s *statement) {
	fn, err := s.s.prog.Func(tnumPath + "divideOr")
	if err != nil {
		s.fail(err)
		return
	}
	a, y, byZero := s.m.Var("a", fn.Param(0)), s.m.Var("b", fn.Param(1)), s.m.Var("c", fn.Param(2))
	value, open := tnumParts(byZero)
	s.assumeThat(s.b.And(s.validAll(a, y, byZero), s.words64().isZero(open)))
	p := pair{s.word("x", ir.W64), s.word("y", ir.W64)}
	sound := s.quotientOr(p, value)
	r := s.callFunc(fn, a, y, byZero)[0]
	s.goal("sound", s.divided(a, y, r, p, sound))
	s.goal("valid", s.dividedShape(r, a, y, byZero))
}

// sayURem says of URem(a, y) that it contains the remainders.
func (c *calls) sayURem(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	a, y, r := args[0], args[1], fresh(0)
	assume := c.dividedShape(r, args...)
	for _, p := range c.pairs {
		assume = c.b.And(assume, c.divided(a, y, r, p, c.rest(p)))
	}
	return []symgo.Value{r}, assume, c.validAll(args...)
}

func stateURem(s *statement) {
	fn, err := s.s.prog.Func(tnumPath + "URem")
	if err != nil {
		s.fail(err)
		return
	}
	a, y := s.m.Var("a", fn.Param(0)), s.m.Var("b", fn.Param(1))
	s.assumeThat(s.validAll(a, y))
	p := pair{s.word("x", ir.W64), s.word("y", ir.W64)}
	sound := s.rest(p)
	r := s.callFunc(fn, a, y)[0]
	s.goal("sound", s.divided(a, y, r, p, sound))
	s.goal("valid", s.dividedShape(r, a, y))
}
