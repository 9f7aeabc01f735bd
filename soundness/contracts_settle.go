package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// rangeBounds returns both bounds of a range.
func rangeBounds(r symgo.Value) (least, greatest smt.Term) {
	ts := symgo.Leaves(r)
	return ts[0], ts[1]
}

// leaf returns the only word of a value.
func leaf(v symgo.Value) smt.Term { return symgo.Leaves(v)[0] }

// in says that x lies in the range r.
func (c *calls) in(r symgo.Value, x smt.Term) smt.Term {
	least, greatest := rangeBounds(r)
	l := c.words64()
	return l.and(l.le(least, x), l.le(x, greatest))
}

// nothing says that r is the empty range in use.
func (c *calls) nothing(r symgo.Value) smt.Term {
	least, greatest := rangeBounds(r)
	l := c.words64()
	return l.and(l.eq(least, l.k(^uint64(0))), l.isZero(greatest))
}

// filled says that r has words.
func (c *calls) filled(r symgo.Value) smt.Term {
	least, greatest := rangeBounds(r)
	return c.words64().le(least, greatest)
}

// proper says that r has words, or is the empty range in use.
func (c *calls) proper(r symgo.Value) smt.Term { return c.b.Or(c.nothing(r), c.filled(r)) }

// halvesOf returns the ranges of halves.
func halvesOf(h symgo.Value) (pos, neg symgo.Value) {
	f := h.(*symgo.Struct).Fields
	return f[0], f[1]
}

// has says that x is a word of halves.
func (c *calls) has(h symgo.Value, x smt.Term) smt.Term {
	pos, neg := halvesOf(h)
	return c.b.Or(c.in(pos, x), c.in(neg, x))
}

// halvesValid is Halves.valid as it is written.
func (c *calls) halvesValid(h symgo.Value, w ir.Width) smt.Term {
	return c.run(intervalPath+"Halves.valid", h, w)
}

// inOrder says that halves have words up to m only, those of Pos before those
// of Neg.
func (c *calls) inOrder(h symgo.Value, m smt.Term) smt.Term {
	l := c.words64()
	pos, neg := halvesOf(h)
	_, last := rangeBounds(pos)
	first, _ := rangeBounds(neg)
	up := func(r symgo.Value) smt.Term {
		_, greatest := rangeBounds(r)
		return l.and(c.proper(r), l.le(greatest, m))
	}
	return l.and(up(pos), up(neg), l.or(c.nothing(pos), l.or(c.nothing(neg), l.lt(last, first))))
}

// lowMask says that m is 2^n - 1.
func (c *calls) lowMask(m smt.Term) smt.Term {
	l := c.words64()
	return l.isZero(l.both(m, l.add(m, l.k(1))))
}

// cutOf says that r is s cut, or empty.
func (c *calls) cutOf(r, s symgo.Value) smt.Term {
	l := c.words64()
	least, greatest := rangeBounds(r)
	from, to := rangeBounds(s)
	return c.b.Or(c.nothing(r), l.and(l.le(from, least), l.le(least, greatest), l.le(greatest, to)))
}

// reaches says that a word from r on has the low bits x, those of the mask m.
func (c *calls) reaches(r symgo.Value, m, x smt.Term) smt.Term {
	l := c.words64()
	least, greatest := rangeBounds(r)
	return l.and(l.le(least, greatest), l.le(l.both(l.sub(x, least), m), l.sub(greatest, least)))
}

func settleSpecs() []*spec {
	return []*spec{withinSpec(), lowsSpec(), settleSpec(), joinSpec()}
}

// withinSpec: r.within(m, low) cuts r, so that both of its bounds have low bits
// in low, and loses no word that has.
func withinSpec() *spec {
	return &spec{
		fn: "Range.within", widths: []ir.Width{ir.W64}, writes: []int{0},
		require: func(k *call) smt.Term {
			return k.b.And(k.lowMask(k.term(1)), k.proper(k.args[0]), k.inOrder(k.args[2], k.term(1)))
		},
		ensure: func(k *call) []Goal {
			l, r, low, m := k.words64(), k.results[0], k.args[2], k.term(1)
			least, greatest := rangeBounds(r)
			return []Goal{
				{"cut", k.cutOf(r, k.args[0])},
				{"least", l.or(k.nothing(r), k.has(low, l.both(least, m)))},
				{"greatest", l.or(k.nothing(r), k.has(low, l.both(greatest, m)))},
			}
		},
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			return l.implies(l.and(k.in(k.args[0], x), k.has(k.args[2], l.both(x, k.term(1)))), k.in(k.results[0], x))
		},
	}
}

// lowsSpec: lows(m, r, low) cuts low, so that each of its bounds is the low
// bits of a word in r, and loses no low bits of words in r.
func lowsSpec() *spec {
	return &spec{
		fn: "lows", widths: []ir.Width{ir.W64},
		require: func(k *call) smt.Term {
			return k.b.And(k.lowMask(k.term(0)), k.proper(k.args[1]), k.inOrder(k.args[2], k.term(0)))
		},
		ensure: func(k *call) []Goal {
			l, m, r := k.words64(), k.term(0), k.args[1]
			var goals []Goal
			for i, name := range []string{"pos", "neg"} {
				was, is := k.args[2].(*symgo.Struct).Fields[i], k.results[0].(*symgo.Struct).Fields[i]
				least, greatest := rangeBounds(is)
				goals = append(goals, Goal{name + " cut", k.cutOf(is, was)},
					Goal{name + " least", l.or(k.nothing(is), k.reaches(r, m, least))},
					Goal{name + " greatest", l.or(k.nothing(is), k.reaches(r, m, greatest))})
			}
			least, greatest := rangeBounds(r)
			for _, x := range []smt.Term{least, greatest} {
				x = l.both(x, m)
				given := l.and(k.filled(r), k.has(k.args[2], x))
				goals = append(goals, Goal{"bound", l.implies(given, k.has(k.results[0], x))})
			}
			return goals
		},
		word: func(k *call, x smt.Term) smt.Term {
			l := k.words64()
			low := l.both(x, k.term(0))
			return l.implies(l.and(k.in(k.args[1], x), k.has(k.args[2], low)), k.has(k.results[0], low))
		},
	}
}

// settleSpec: t.settle(h), of ranges that keep to their halves, is valid and
// loses no word; what is valid and below t stays below.
func settleSpec() *spec {
	return &spec{
		fn: "T.settle", widths: []ir.Width{ir.W64, ir.W32, ir.W16, ir.W8}, writes: []int{0},
		width: func(k *call) (ir.Width, bool) {
			h, ok := k.b.ConstValue(k.term(1))
			return ir.Width(2 * h), ok && h >= 4 // smaller words are settled in full
		},
		args: func(s *statement, fn *symgo.Function, w ir.Width) []symgo.Value {
			return []symgo.Value{s.elem("a"), s.value(w / 2)}
		},
		fits:    []int{0},
		made:    true,
		require: func(k *call) smt.Term { return k.shape(k.w, k.args[0]) },
		ensure: func(k *call) []Goal {
			before, _ := sides(k.args[0])
			after, _ := sides(k.results[0])
			p, n := halvesOf(before)
			q, o := halvesOf(after)
			valid := k.run(intervalPath+"T.Valid", k.results[0], k.w) // in one: the cases are many
			return append([]Goal{{"valid", valid}}, Goal{"cut", k.b.And(k.cutOf(q, p), k.cutOf(o, n))})
		},
		word: func(k *call, x smt.Term) smt.Term {
			return k.b.Implies(k.holds(k.w, k.args[0], x), k.holds(k.w, k.results[0], x))
		},
		elem: func(k *call, e symgo.Value) smt.Term {
			leq := func(f symgo.Value) smt.Term { return k.run(intervalPath+"Leq", e, f) }
			return k.b.Implies(leq(k.args[0]), leq(k.results[0]))
		},
		also: func(k *call, _ pair, x smt.Term) { k.track(k.w, k.b.Resize(x, ir.W64, k.w, false)) },
	}
}
