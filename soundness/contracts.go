package soundness

import (
	"fmt"
	"go/types"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// contracts of a domain's functions make proofs short: where an operation
// calls such a function, only what is said of it is known. What is said is
// itself proved of the function's source, as operations of their own.
type contracts struct {
	// ops are the proofs of what is said.
	ops []Op
	// set replaces calls by what is said of them.
	set func(c *calls)
}

const (
	modulePath   = "github.com/bpfproof/bpfproof/"
	tnumPath     = modulePath + "absint/tnum."
	intervalPath = modulePath + "absint/interval."
	reducedPath  = modulePath + "absint/reduced."
)

// contractsOf returns the contracts of a domain; most have none.
func contractsOf(domain string) contracts {
	switch domain {
	case "tnum":
		return tnumContracts()
	case "interval":
		return intervalContracts()
	case "tnum+interval":
		return productContracts()
	}
	return contracts{set: func(*calls) {}}
}

// about replaces calls of a function by what is said of it. The lines that
// prove that are those of behind.
func (c *calls) about(name string, say symgo.Contract, writes ...int) {
	c.aboutLines(name, nil, say, writes...)
}

// aboutLines is about for functions of which behind does not know which lines
// prove what is said of a call with given arguments.
func (c *calls) aboutLines(name string, lines func(args []symgo.Value) []Line, say symgo.Contract, writes ...int) {
	fn, err := c.s.prog.Func(name)
	if err != nil {
		c.fail(err)
		return
	}
	if lines == nil {
		lines = func(args []symgo.Value) []Line { return c.behind(name, fn, args) }
	}
	c.m.SetContract(fn, func(m *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		if c.hold != nil {
			return c.hold(fn, say, m, args, writes)
		}
		results, assume, require := say(m, args, fresh)
		if results != nil {
			c.open = true
			c.restOn(lines(args)...)
		}
		return results, assume, require
	}, writes...)
}

// track makes contracts speak of a word: what they say of all words they say
// of those that are tracked.
func (c *calls) track(w ir.Width, xs ...smt.Term) {
	for _, x := range xs {
		c.words = append(c.words, c.b.Resize(x, w, ir.W64, false))
	}
}

// side runs a predicate of a domain, without contracts. Of a value that is one
// of two, it is run on both: what is known of either then needs no reasoning.
func (c *calls) side(name string, args ...any) smt.Term {
	return c.split(func(args ...any) smt.Term { return c.run(name, args...) }, args...)
}

// split asks a predicate of both values where an argument is one of two.
func (c *calls) split(of func(args ...any) smt.Term, args ...any) smt.Term {
	for i, a := range args {
		v, ok := a.(*symgo.Struct)
		if !ok || c.splits == 0 {
			continue
		}
		cond, x, y, ok := c.cases(v)
		if !ok {
			continue
		}
		c.splits--
		defer func() { c.splits++ }()
		then, els := slices.Clone(args), slices.Clone(args)
		then[i], els[i] = x, y
		return c.b.Ite(cond, c.split(of, then...), c.split(of, els...))
	}
	return of(args...)
}

// maxSplits bounds how deep side looks for cases.
const maxSplits = 12

// cases returns the first condition on which v is one value or another.
func (c *calls) cases(v symgo.Value) (cond smt.Term, x, y symgo.Value, ok bool) {
	for _, t := range symgo.Leaves(v) {
		if c.b.Op(t) == smt.OpIte {
			cond = c.b.Args(t)[0]
			return cond, c.given(v, cond, 1), c.given(v, cond, 2), true
		}
	}
	return cond, nil, nil, false
}

// given returns v with the i-th operand in place of every choice by cond.
func (c *calls) given(v symgo.Value, cond smt.Term, i int) symgo.Value {
	switch v := v.(type) {
	case *symgo.Struct:
		r := &symgo.Struct{}
		for _, f := range v.Fields {
			r.Fields = append(r.Fields, c.given(f, cond, i))
		}
		return r
	case symgo.Word:
		v.Term = c.chosen(v.Term, cond, i)
		return v
	}
	return v
}

// chosen returns t with the i-th operand in place of a choice by cond. Zeros
// that both operands start with stand before the choice.
func (c *calls) chosen(t, cond smt.Term, i int) smt.Term {
	args := c.b.Args(t)
	switch c.b.Op(t) {
	case smt.OpIte:
		if args[0] == cond {
			return args[i]
		}
	case smt.OpConcat:
		out := c.chosen(args[0], cond, i)
		for _, part := range args[1:] {
			out = c.b.Concat(out, c.chosen(part, cond, i))
		}
		return out
	}
	return t
}

// run runs a predicate as it is written.
func (c *calls) run(name string, args ...any) smt.Term {
	fn, err := c.s.prog.Func(name)
	if err != nil {
		c.fail(err)
		return c.b.Bool(true)
	}
	m := symgo.NewMachine(c.s.prog, c.b, symgo.Limits{})
	if c.leaves {
		c.leave(m)
	}
	var values []symgo.Value
	for i, a := range args {
		v := c.value(a)
		if _, isPointer := fn.Param(i).Underlying().(*types.Pointer); isPointer {
			v = m.Ref(v)
		}
		values = append(values, v)
	}
	res, err := m.Call(fn, values...)
	if err != nil {
		c.fail(err)
		return c.b.Bool(true)
	}
	if x, ok := c.b.ConstValue(res.Fails); !ok || x != 0 {
		c.fail(fmt.Errorf("soundness: state contract: %s can panic", name))
	}
	return res.Results[0].(symgo.Bool).Term
}

// words64 writes statements about words of 64 bits.
func (c *calls) words64() logic[smt.Term] { return logic[smt.Term]{c.b, ir.W64} }

// tnumParts returns value and mask of a tnum.
func tnumParts(v symgo.Value) (value, mask smt.Term) {
	ts := symgo.Leaves(v)
	return ts[0], ts[1]
}

// inTnum is the condition that x is a word of a tnum, which is not Bottom.
func (c *calls) inTnum(v symgo.Value, x smt.Term) smt.Term {
	l := c.words64()
	value, mask := tnumParts(v)
	return l.eq(l.both(x, c.b.Not(mask)), value)
}

// clean is the condition that a tnum is not Bottom.
func (c *calls) clean(v symgo.Value) smt.Term {
	l := c.words64()
	value, mask := tnumParts(v)
	return l.isZero(l.both(value, mask))
}

func tnumContracts() contracts {
	return contracts{
		ops: []Op{
			{Name: contractPrefix + "mulBy", Width: ir.W64, state: stateMulBy},
			{Name: contractPrefix + "divideOr", Width: ir.W64, state: stateDivideOr},
			{Name: contractPrefix + "URem", Width: ir.W64, state: stateURem},
		},
		set: func(c *calls) {
			c.about(tnumPath+"mulBy", c.sayMulBy)
			c.about(tnumPath+"divideOr", c.sayDivideOr)
			c.about(tnumPath+"URem", c.sayURem)
		},
	}
}

// mulByPost says of mulBy(m, a, b) that the bits of x*y in m are in the result r.
func (c *calls) mulByPost(m smt.Term, r symgo.Value, x, y smt.Term) smt.Term {
	return c.inTnum(r, c.words64().both(c.hard.multiply(x, y, true).lo, m))
}

// mulByShape says that the result has no bits outside of m.
func (c *calls) mulByShape(m smt.Term, r symgo.Value) smt.Term {
	l := c.words64()
	value, mask := tnumParts(r)
	return l.and(c.clean(r), l.isZero(l.both(c.b.Bin(sem.Or, ir.W64, value, mask), c.b.Not(m))))
}

// mulByPre is what mulBy needs: m is 2^n-1, neither operand is Bottom.
func (c *calls) mulByPre(m smt.Term, a, b symgo.Value) smt.Term {
	l := c.words64()
	return l.and(l.isZero(l.both(m, l.add(m, l.k(1)))), c.clean(a), c.clean(b))
}

func (c *calls) sayMulBy(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	l, m, a, b, r := c.words64(), symgo.Leaves(args[0])[0], args[1], args[2], fresh(0)
	assume := c.mulByShape(m, r)
	for _, p := range c.pairs {
		for _, q := range []pair{p, {p.y, p.x}} {
			given := l.and(c.inTnum(a, q.x), c.inTnum(b, q.y))
			assume = l.and(assume, l.implies(given, c.mulByPost(m, r, q.x, q.y)))
		}
	}
	return []symgo.Value{r}, assume, c.mulByPre(m, a, b)
}

// stateMulBy demands that mulBy keeps what sayMulBy says. Its loop is cut: the
// product of x and y is s + p*q, where s, p and q are words of acc, a and b.
func stateMulBy(s *statement) {
	fn, err := s.s.prog.Func(tnumPath + "mulBy")
	if err != nil {
		s.fail(err)
		return
	}
	l, m, x, y := s.words64(), s.word("m", ir.W64), s.word("x", ir.W64), s.word("y", ir.W64)
	a, b := s.m.Var("a", fn.Param(1)), s.m.Var("b", fn.Param(2))
	whole := s.hard.multiply(x, y, true)
	step := func(p, q smt.Term) product[smt.Term] {
		now, half := s.hard.multiply(p, q, false), s.hard.multiply(l.shr(p, l.k(1)), l.shl(q, l.k(1)), false)
		s.hard.know(l.mulHalve(product[smt.Term]{p, q, now.hi, now.lo}, product[smt.Term]{l.shr(p, l.k(1)), l.shl(q, l.k(1)), half.hi, half.lo}))
		return now.product
	}
	err = s.m.SetCut(fn, 0, symgo.Cut{
		Ghosts: func(*symgo.LoopState) []smt.Term { return []smt.Term{l.k(0), x, y} },
		Step: func(g []smt.Term, _, _ *symgo.LoopState) []smt.Term {
			odd := l.eq(l.both(g[1], l.k(1)), l.k(1))
			return []smt.Term{l.choose(odd, l.add(g[0], g[2]), g[0]), l.shr(g[1], l.k(1)), l.shl(g[2], l.k(1))}
		},
		Invariant: func(g []smt.Term, at *symgo.LoopState) smt.Term {
			acc, a, b, ahead := at.Var("acc"), at.Var("a"), at.Var("b"), symgo.Leaves(at.Var("ahead"))[0]
			value, mask := tnumParts(b)
			most := s.b.Bin(sem.Or, ir.W64, value, mask)
			open := l.both(l.neg(l.lowest(most)), m)
			return l.and(s.clean(acc), s.clean(a), s.clean(b), s.inTnum(acc, g[0]), s.inTnum(a, g[1]), s.inTnum(b, g[2]),
				l.eq(ahead, open), l.eq(whole.lo, l.add(g[0], step(g[1], g[2]).lo)))
		},
		Measure: func(_ []smt.Term, at *symgo.LoopState) smt.Term { // the bits of a that are left
			value, mask := tnumParts(at.Var("a"))
			return s.b.Bin(sem.Or, ir.W64, value, mask)
		},
	})
	if err != nil {
		s.fail(err)
		return
	}
	s.cut = true
	s.assumeThat(s.mulByPre(m, a, b))
	s.assumeThat(l.and(s.inTnum(a, x), s.inTnum(b, y)))
	r := s.callFunc(fn, symgo.Word{Term: m}, a, b)[0]
	s.goal("no bit outside", s.mulByShape(m, r))
	s.goal("sound", s.mulByPost(m, r, x, y))
}
