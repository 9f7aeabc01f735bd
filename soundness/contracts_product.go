package soundness

import (
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// productName is the product's.
const productName = "tnum+interval"

// number returns an argument that is a constant.
func (c *calls) number(v symgo.Value) uint64 {
	x, _ := c.b.ConstValue(symgo.Leaves(v)[0])
	return x
}

// of returns the words of w bits that are members of the operands, if there
// are n.
func (c *calls) of(w ir.Width, n int) []smt.Term {
	var xs []smt.Term
	for _, m := range c.members {
		if m.w == w {
			xs = append(xs, m.x)
		}
	}
	if len(xs) < n {
		return nil
	}
	return xs
}

// binary is what operations on words say: members make a member.
func (k component) binary(w, to ir.Width, a, b, r symgo.Value, z func(x, y smt.Term) smt.Term) (assume, require smt.Term) {
	assume, require = k.valid(to, r), k.b.And(k.valid(w, a), k.valid(w, b))
	if xs := k.of(w, 2); xs != nil {
		given := k.b.And(k.holds(w, a, xs[0]), k.holds(w, b, xs[1]))
		assume = k.b.And(assume, k.b.Implies(given, k.holds(to, r, z(xs[0], xs[1]))))
	}
	return assume, require
}

// unary is the same for one operand.
func (k component) unary(w, to ir.Width, a, r symgo.Value, z func(x smt.Term) smt.Term) (assume, require smt.Term) {
	assume = k.valid(to, r)
	if xs := k.of(w, 1); xs != nil {
		assume = k.b.And(assume, k.b.Implies(k.holds(w, a, xs[0]), k.holds(to, r, z(xs[0]))))
	}
	return assume, k.valid(w, a)
}

// kept says that every tracked word for which given holds is in r.
func (k component) kept(w ir.Width, r symgo.Value, given func(x smt.Term) smt.Term) smt.Term {
	assume := k.valid(w, r)
	for _, x := range k.of(w, 1) {
		assume = k.b.And(assume, k.b.Implies(given(x), k.holds(w, r, x)))
	}
	return assume
}

type saying = func(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term)

// say replaces a method of the component's domain.
func (k component) say(method string, say saying, writes ...int) {
	k.sayBy(method, nil, say, writes...)
}

// sayBy is say with the lines that prove it. Lines that look into the parts do
// not use it.
func (k component) sayBy(method string, lines func(args []symgo.Value) []Line, say saying, writes ...int) {
	k.aboutLines(k.path+method, lines, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		if !k.leaves {
			return nil, smt.Term{}, smt.Term{}
		}
		return say(args, fresh)
	}, writes...)
}

// alu says what operations do, whose arguments start at args[i].
func (k component) alu(op ir.ALUOp, w ir.Width, a, b, r symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	assume, require := k.binary(w, w, a, b, r, func(x, y smt.Term) smt.Term { return sem.ALU[smt.Term](k.algebra(), op, w, x, y) })
	return []symgo.Value{r}, assume, require
}

func (k component) sayAll() {
	one := func(r symgo.Value, assume, require smt.Term) ([]symgo.Value, smt.Term, smt.Term) {
		return []symgo.Value{r}, assume, require
	}
	k.say("Domain.ALU", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		return k.alu(ir.ALUOp(k.number(a[1])), ir.Width(k.number(a[2])), a[3], a[4], fresh(0))
	})
	k.say("Domain.Cmp", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		op, w, r := sem.CmpOp(k.number(a[1])), ir.Width(k.number(a[2])), fresh(0)
		assume, require := k.binary(w, ir.W1, a[3], a[4], r, func(x, y smt.Term) smt.Term { return k.b.Cmp(op, w, x, y) })
		return one(r, assume, require)
	})
	k.say("Domain.Swap", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		op, n, r := ir.SwapOp(k.number(a[1])), ir.Width(k.number(a[2])), fresh(0)
		assume, require := k.unary(ir.W64, ir.W64, a[3], r, func(x smt.Term) smt.Term { return sem.Swap[smt.Term](k.b, op, n, x) })
		return one(r, assume, require)
	})
	k.say("Domain.Resize", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		from, to, signed, r := ir.Width(k.number(a[2])), ir.Width(k.number(a[3])), k.number(a[4]) != 0, fresh(0)
		assume, require := k.unary(from, to, a[1], r, func(x smt.Term) smt.Term { return k.b.Resize(x, from, to, signed) })
		return one(r, assume, require)
	})
	k.say("Domain.Refine", k.refine)
	k.say("Domain.RefineLow", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		w, n, r := ir.Width(k.number(a[1])), ir.Width(k.number(a[2])), fresh(0)
		assume := k.kept(w, r, func(x smt.Term) smt.Term {
			return k.b.And(k.holds(w, a[3], x), k.holds(n, a[4], k.b.Resize(x, w, n, false)))
		})
		return one(r, assume, k.b.And(k.valid(w, a[3]), k.valid(n, a[4])))
	})
	k.say("Domain.Meet", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		w, r := ir.Width(k.number(a[1])), fresh(0)
		assume := k.kept(w, r, func(x smt.Term) smt.Term { return k.b.And(k.holds(w, a[2], x), k.holds(w, a[3], x)) })
		return one(r, assume, k.b.And(k.valid(w, a[2]), k.valid(w, a[3])))
	})
	k.say("Domain.Leq", k.leq)
	k.say("Domain.Join", k.bound("Join"))
	k.say("Domain.Widen", k.bound("Widen"))
	k.say("Domain.Ite", k.ite)
	k.say("Domain.Const", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		w, r := ir.Width(k.number(a[1])), fresh(0)
		return one(r, k.b.And(k.valid(w, r), k.holds(w, r, k.b.Resize(leaf(a[2]), ir.W64, w, false))), k.b.Bool(true))
	})
}

// bound says of joins and widenings that they have the words of both operands,
// and are above them; and are Bottom where both are.
func (k component) bound(method string) saying {
	return func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		w, r := ir.Width(k.number(a[1])), fresh(0)
		k.restOn(Line{productName, contractPrefix + method, w})
		assume := k.b.Implies(k.b.And(k.isBottom(a[2]), k.isBottom(a[3])), k.isBottom(r))
		assume = k.b.And(assume, k.kept(w, r, func(x smt.Term) smt.Term { return k.b.Or(k.holds(w, a[2], x), k.holds(w, a[3], x)) }))
		for _, e := range a[2:4] {
			first, given := k.b.Resize(k.first(e), ir.W64, w, false), k.b.And(k.valid(w, e), k.b.Not(k.isBottom(e)))
			assume = k.b.And(assume, k.b.Implies(given, k.holds(w, e, first)), k.b.Implies(k.holds(w, e, first), k.holds(w, r, first)))
		}
		k.above(w, Line{k.name(), "lattice." + method, w}, r, a[2], a[3])
		return []symgo.Value{r}, assume, k.b.And(k.valid(w, a[2]), k.valid(w, a[3]))
	}
}

// ite says of a choice that it is one of the operands.
func (k component) ite(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	w, r := k.width, fresh(0)
	assume := k.valid(w, r)
	if zs, xs := k.of(ir.W1, 1), k.of(w, 2); zs != nil && xs != nil {
		given := k.b.And(k.holds(ir.W1, a[1], zs[0]), k.holds(w, a[2], xs[0]), k.holds(w, a[3], xs[1]))
		assume = k.b.And(assume, k.b.Implies(given, k.holds(w, r, k.b.Ite(zs[0], xs[0], xs[1]))))
	}
	return []symgo.Value{r}, assume, k.b.And(k.valid(ir.W1, a[1]), k.valid(w, a[2]), k.valid(w, a[3]))
}

func (k component) refine(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	op, w, left, right := sem.CmpOp(k.number(a[1])), ir.Width(k.number(a[2])), fresh(0), fresh(1)
	assume := k.b.And(k.valid(w, left), k.valid(w, right))
	if xs := k.of(w, 2); xs != nil {
		x, y := xs[0], xs[1]
		given := k.b.And(k.holds(w, a[3], x), k.holds(w, a[4], y), k.b.Cmp(op, w, x, y))
		assume = k.b.And(assume, k.b.Implies(given, k.b.And(k.holds(w, left, x), k.holds(w, right, y))))
	}
	return []symgo.Value{left, right}, assume, k.b.And(k.valid(w, a[3]), k.valid(w, a[4]))
}

// productContracts say of the parts what is proved of them, and of the
// reduction that it loses no word.
func productContracts() contracts {
	ops := slices.Concat(membersOps(), joinsOps(), smallOps(), agreeOps(), []Op{{Name: contractPrefix + "cut", Width: ir.W64, state: stateCut}})
	for _, w := range productWidths() {
		for _, name := range []string{"tighten", "learn", "Reduce"} {
			ops = append(ops, Op{Name: contractPrefix + name, Width: w, state: func(s *statement) { s.stateReduction(name) }})
		}
	}
	return contracts{ops: ops, set: func(c *calls) {
		c.leaves, c.unknowns = true, map[string]smt.Term{}
		t, i := c.parts()
		t.sayAll()
		i.sayAll()
		t.say("Add", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
			return t.alu(ir.Add, ir.Width(c.number(a[0])), a[1], a[2], fresh(0))
		})
		i.say("T.SetAdd", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
			return i.alu(ir.Add, ir.Width(c.number(a[1])), a[2], a[3], fresh(0))
		}, 0)
		i.say("T.SetALU", func(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
			return i.alu(ir.ALUOp(c.number(a[1])), ir.Width(c.number(a[2])), a[3], a[4], fresh(0))
		}, 0)
		i.sayBy("T.Small", func(a []symgo.Value) []Line {
			return []Line{{productName, contractPrefix + "Small", ir.Width(c.number(a[1]))}}
		}, i.saySmall)
		i.sayBy("Short", shortLines(c), i.sayShort)
		settleSpec().about(c, intervalPath)
		c.aboutLines(reducedPath+"cut", func([]symgo.Value) []Line { return []Line{{productName, contractPrefix + "cut", ir.W64}} }, c.sayCut)
		reduction := component{c, reducedPath}
		reduction.say("agree", c.sayAgree)
		reduction.say("tighten", c.sayTighten, 2)
		reduction.say("learn", c.sayLearn)
		reduction.say("Reduce", c.sayReduce)
	}}
}

// parts are the two parts of an element that is to be reduced.
type parts struct {
	c    *calls
	w    ir.Width
	t, r symgo.Value
}

// nonempty says that both parts are valid and have words.
func (p parts) nonempty() smt.Term { return p.c.b.And(p.valid(), p.filled()) }

// filled says that neither part is Bottom.
func (p parts) filled() smt.Term {
	t, i := p.c.parts()
	return p.c.b.And(p.c.b.Not(t.isBottom(p.t)), p.c.b.Not(i.isBottom(p.r)))
}

func (p parts) valid() smt.Term {
	t, i := p.c.parts()
	return p.c.b.And(t.valid(p.w, p.t), i.valid(p.w, p.r))
}

// hold says that both parts have a word.
func (p parts) hold(x smt.Term) smt.Term {
	t, i := p.c.parts()
	x = p.c.b.Resize(x, ir.W64, p.w, false)
	return p.c.b.And(t.holds(p.w, p.t, x), i.holds(p.w, p.r, x))
}

// becomes says that q has the word x if p has it.
func (p parts) becomes(q parts, x smt.Term) smt.Term {
	return p.c.b.Implies(p.hold(x), q.hold(x))
}

// together says that both parts are Bottom, or neither is.
func (p parts) together() smt.Term {
	t, i := p.c.parts()
	return p.c.b.Eq(t.isBottom(p.t), i.isBottom(p.r))
}

func (p parts) say(q parts, results ...symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	assume := q.valid()
	if len(results) == 2 {
		assume = p.c.b.And(assume, q.together())
	}
	for _, x := range p.c.words {
		assume = p.c.b.And(assume, p.becomes(q, x))
	}
	return results, assume, p.nonempty()
}

func (c *calls) partsOf(args []symgo.Value) parts {
	return parts{c, ir.Width(c.number(args[0])), args[1], args[2]}
}

func (c *calls) sayAgree(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	p, yes := c.partsOf(args), fresh(0)
	return []symgo.Value{yes}, c.b.Implies(yes.(symgo.Bool).Term, p.filled()), p.valid()
}

func (c *calls) sayTighten(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	p, r := c.partsOf(args), fresh(0)
	return p.say(parts{c, p.w, p.t, r}, r)
}

func (c *calls) sayLearn(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	p, t := c.partsOf(args), fresh(0)
	return p.say(parts{c, p.w, t, p.r}, t)
}

func (c *calls) sayReduce(args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	p, t, r := c.partsOf(args), fresh(0), fresh(1)
	return p.say(parts{c, p.w, t, r}, t, r)
}

// stateReduction demands of the reduction, or one of its steps, what is said
// of it.
func (s *statement) stateReduction(name string) {
	fn, err := s.s.prog.Func(reducedPath + name)
	if err != nil {
		s.fail(err)
		return
	}
	e := s.elem("a").(*symgo.Struct)
	p, x := parts{s.calls, s.w, e.Fields[0], e.Fields[1]}, s.word("x", ir.W64)
	t, i := s.parts()
	if name == "Reduce" {
		s.assumeThat(p.nonempty())
	} else { // what is known of valid ranges is enough
		s.concretely()
		s.assumeThat(s.b.And(t.valid(s.w, p.t), i.known(s.w, p.r), p.filled()))
	}
	s.track(ir.W64, x)
	if name == "tighten" {
		l := s.words64()
		s.track(ir.W64, l.both(x, l.k(s.w.Mask())), l.both(x, l.k(max(1, s.w/2).Mask())))
	}
	q := p
	if name == "Reduce" { // each round keeps x, if it was there, and what is said of the parts
		s.cut = true
		round := func(at *symgo.LoopState) smt.Term { return symgo.Leaves(at.Var("rangeint.iter"))[0] }
		err = s.m.SetCut(fn, 0, symgo.Cut{Invariant: func(_ []smt.Term, at *symgo.LoopState) smt.Term {
			now := parts{s.calls, s.w, at.Var("t"), at.Var("r")}
			few := s.b.Cmp(sem.ULT, ir.W64, round(at), s.b.Const(ir.W64, 64))
			return s.b.And(few, now.nonempty(), p.becomes(now, x))
		}, Measure: func(_ []smt.Term, at *symgo.LoopState) smt.Term { return s.b.Not(round(at)) }})
		if err != nil {
			s.fail(err)
			return
		}
	}
	switch name {
	case "tighten":
		cell := s.m.Cell(p.r)
		s.callFunc(fn, s.w, p.t, cell)
		q.r = s.m.Contents(cell)
	case "learn":
		q.t = s.callFunc(fn, s.w, p.t, s.m.Ref(p.r))[0]
		s.goal("valid", t.valid(s.w, q.t))
	default:
		r := s.callFunc(fn, s.w, p.t, p.r)
		q.t, q.r = r[0], r[1]
		s.goal("together", q.together())
	}
	s.goal("no word is lost", p.becomes(q, x))
	if name != "learn" { // which leaves the ranges as they are
		s.goal("valid", q.valid())
	}
}
