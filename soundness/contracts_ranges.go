package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// rangeContracts are about products and quotients of ranges: that those of
// words in the ranges are in the result, which keeps to its halves.
func rangeContracts() (ops []Op) {
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16} {
		for _, name := range rangeFuncs() {
			if w == ir.W16 && (name == "divRange" || name == "remRange") {
				continue // are not used of low halves
			}
			ops = append(ops, Op{Name: contractPrefix + name, Width: w, state: func(s *statement) { s.stateRange(name) }})
		}
	}
	return ops
}

func rangeFuncs() []string {
	return []string{"mulRange", "divRange", "remRange", "addRange", "subRange"}
}

func (c *calls) sayRanges() {
	for _, name := range rangeFuncs() {
		c.about(intervalPath+name, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
			k, ok := c.b.ConstValue(symgo.Leaves(args[0])[0])
			if !ok || k < 16 {
				return nil, smt.Term{}, smt.Term{}
			}
			w := ir.Width(k)
			r, _ := c.narrow(w, fresh(0)) // is the same
			negative := c.b.Bool(false)
			pairs := c.pairs
			if name == "mulRange" {
				negative, pairs = args[3].(symgo.Bool).Term, c.signs(w)
			}
			assume := c.side(intervalPath+"Halves.valid", r, w)
			for _, p := range pairs {
				assume = c.b.And(assume, c.rangePost(name, w, args[1], args[2], r, p, negative))
			}
			return []symgo.Value{r}, assume, c.rangePre(name, w, args[1], args[2])
		})
	}
}

// within is the condition that a word lies in a range.
func (c *calls) within(r symgo.Value, x smt.Term) smt.Term {
	l, ts := c.words64(), symgo.Leaves(r)
	return l.and(l.le(ts[0], x), l.le(x, ts[1]))
}

// rangePre says that ranges are empty or have words of w bits only, and that
// divisors are not 0.
func (c *calls) rangePre(name string, w ir.Width, x, y symgo.Value) smt.Term {
	l := c.words64()
	fits := func(r symgo.Value) smt.Term {
		ts := symgo.Leaves(r)
		return l.or(l.lt(ts[1], ts[0]), l.le(ts[1], l.k(w.Mask())))
	}
	pre := l.and(fits(x), fits(y))
	switch name {
	case "addRange", "subRange": // ranges within halves
		for _, r := range []symgo.Value{x, y} {
			ts := symgo.Leaves(r)
			pre = l.and(pre, l.or(l.lt(ts[1], ts[0]), l.le(l.sub(ts[1], ts[0]), l.k(w.Mask()>>1))))
		}
	case "divRange", "remRange":
		ts := symgo.Leaves(y)
		pre = l.and(pre, l.or(l.lt(ts[1], ts[0]), l.not(l.isZero(ts[0]))))
	}
	return pre
}

// rangePost says of a pair of words in x and y that what the function makes of
// them is in the result.
func (c *calls) rangePost(name string, w ir.Width, x, y, r symgo.Value, p pair, negative smt.Term) smt.Term {
	l := c.words64()
	p, z := c.rangeResult(name, w, p, negative)
	in := c.side(intervalPath+"Halves.contains", r, z)
	return l.implies(l.and(c.within(x, p.x), c.within(y, p.y)), in)
}

// rangeResult returns the operands at w bits and what the function makes of
// them.
func (c *calls) rangeResult(name string, w ir.Width, p pair, negative smt.Term) (pair, smt.Term) {
	l := c.words64()
	var z smt.Term
	switch name {
	case "mulRange":
		z = c.hard.quietly(p.x, p.y).lo
		z = l.both(l.choose(negative, l.neg(z), z), l.k(w.Mask()))
	case "addRange", "subRange":
		p = pair{l.both(p.x, l.k(w.Mask())), l.both(p.y, l.k(w.Mask()))}
		z = l.add(p.x, p.y)
		if name == "subRange" {
			z = l.sub(p.x, p.y)
		}
		z = l.both(z, l.k(w.Mask()))
	case "divRange":
		z = c.hard.divide(p.x, p.y, true).q
	default:
		z = c.hard.divide(p.x, p.y, true).r
	}
	return p, z
}

// signs returns the operands' low w bits and their magnitudes in all pairs;
// what their products have to do with those of the operands is known.
func (c *calls) signs(w ir.Width) (pairs []pair) {
	l, m := c.words64(), c.words64().k(w.Mask())
	low := func(p, q pair) {
		c.hard.know(l.mulLow(c.hard.quietly(p.x, p.y), c.hard.quietly(q.x, q.y), m))
	}
	negate := func(p, n product[smt.Term]) { c.hard.know(l.mulNegate(p, n)) }
	turn := func(p product[smt.Term]) product[smt.Term] { return product[smt.Term]{p.y, p.x, p.hi, p.lo} }
	for _, p := range c.pairs {
		x, y := l.both(p.x, m), l.both(p.y, m)
		negX, negY := l.neg(x), l.neg(y)
		plain, left, right, both := pair{x, y}, pair{negX, y}, pair{x, negY}, pair{negX, negY}
		low(p, plain)
		of := func(p pair) product[smt.Term] { return c.hard.quietly(p.x, p.y) }
		negate(of(plain), of(left))
		negate(turn(of(plain)), turn(of(right)))
		negate(of(right), of(both))
		for _, q := range []pair{plain, left, right, both} {
			cut := pair{l.both(q.x, m), l.both(q.y, m)}
			low(q, cut)
			pairs = append(pairs, cut)
		}
	}
	return pairs
}

// stateRange demands that a function does what sayRanges says of it.
func (s *statement) stateRange(name string) {
	fn, err := s.s.prog.Func(intervalPath + name)
	if err != nil {
		s.fail(err)
		return
	}
	a, b := s.m.Var("a", fn.Param(1)), s.m.Var("b", fn.Param(2))
	s.assumeThat(s.rangePre(name, s.w, a, b))
	x, y := s.word("x", ir.W64), s.word("y", ir.W64)
	s.assumeThat(s.b.And(s.within(a, x), s.within(b, y)))
	args, negative := []any{s.w, a, b}, s.b.Bool(false)
	switch name {
	case "mulRange":
		negative = s.word("negative", ir.W1)
		args = append(args, symgo.Bool{Term: negative})
		s.hard.multiply(x, y, true)
	case "divRange", "remRange":
		s.hard.divide(x, y, true)
	case "addRange", "subRange":
		if s.w < ir.W64 { // is found sooner without
			break
		}
		s.useSpans(name == "subRange", a, b, x, y)
	}
	s.pairs = append(s.pairs, pair{x, y})
	_, z := s.rangeResult(name, s.w, pair{x, y}, negative)
	s.track(ir.W64, z)
	r := s.callFunc(fn, args...)[0]
	s.goal("sound", s.rangePost(name, s.w, a, b, r, pair{x, y}, negative))
	s.goal("shape", s.side(intervalPath+"Halves.valid", r, s.w))
}

// useSpans takes facts as given on how far sums or differences of words lie
// ahead of the least one.
func (s *statement) useSpans(difference bool, a, b symgo.Value, x, y smt.Term) {
	l := s.words64()
	from, to := rangeBounds(a)
	least, greatest := rangeBounds(b)
	s.use("span", from, x, to)
	s.use("span", least, y, greatest)
	ahead := l.sub(y, least)
	if difference {
		ahead = l.sub(greatest, y)
	}
	s.use("sum.order", l.sub(x, from), ahead, l.sub(to, from), l.sub(greatest, least))
}
