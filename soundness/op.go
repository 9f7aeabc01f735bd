package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// Op is an operation of domains with what has to be proved of it.
type Op struct {
	Name  string   // such as "alu.add"
	Width ir.Width // of the operands
	state func(*statement)
	bare  bool // to be proved without contracts and lemmas
}

// statement gathers premises and goals of one obligation.
type statement struct {
	*calls
	w        ir.Width
	premises []smt.Term
	given    []smt.Term // premises for soundness only: that words are members
	strong   []smt.Term // premises for validity only
	goals    []Goal
}

func (s *statement) assumeThat(t smt.Term)        { s.premises = append(s.premises, t) }
func (s *statement) goal(name string, t smt.Term) { s.goals = append(s.goals, Goal{name, t}) }

// word makes a word of w bits.
func (s *statement) word(name string, w ir.Width) smt.Term {
	if s.choose != nil {
		return leaf(s.choose(name, w, false))
	}
	return s.b.Var(name, w)
}

// any makes an element that is to be one of w bits.
func (s *statement) any(name string, w ir.Width) symgo.Value {
	if s.choose != nil {
		return s.choose(name, w, true)
	}
	return s.sized(name, w)
}

// withWord makes a valid element of w bits and a word, of which soundness
// assumes that it is a member. That nothing panics and that results are valid
// must hold for elements without members, too.
func (s *statement) withWord(elem, word string, w ir.Width) (symgo.Value, smt.Term) {
	e, x := s.operand(elem, w), s.word(word, w)
	s.given = append(s.given, s.contains(w, e, x))
	s.track(w, x)
	s.members = append(s.members, member{w, x})
	return e, x
}

// member makes a valid element of w bits and one of its words, for all goals.
func (s *statement) member(elem, word string, w ir.Width) (symgo.Value, smt.Term) {
	e, x := s.withWord(elem, word, w)
	s.assumeThat(s.given[len(s.given)-1])
	return e, x
}

// operand makes a valid element of w bits, whose words are looked at one by
// one: where the domain says what of validity that needs, only this is assumed
// for it.
func (s *statement) operand(name string, w ir.Width) symgo.Value {
	if s.s.Domain.Name != "interval" || s.exact || w < ir.W8 {
		return s.element(name, w)
	}
	e := s.any(name, w)
	s.assumeThat(s.shape(w, e))
	s.strong = append(s.strong, s.valid(w, e))
	return e
}

// element makes a valid element of w bits.
func (s *statement) element(name string, w ir.Width) symgo.Value {
	e := s.any(name, w)
	s.assumeThat(s.valid(w, e))
	s.elems = append(s.elems, sized{w, e})
	return e
}

// goalIf demands a goal where a premise holds.
func (s *statement) goalIf(name string, premise, t smt.Term) { s.goal(name, s.b.Implies(premise, t)) }

// result demands that r is valid at w bits and contains x.
func (s *statement) result(name string, w ir.Width, r symgo.Value, x smt.Term) {
	s.goalIf(name+"sound", s.b.And(s.given...), s.contains(w, r, x))
	s.goalIf(name+"valid", s.b.And(s.strong...), s.valid(w, r))
}

// Ops lists all operations: those of eBPF with 32 and 64 bits, conversions,
// comparisons and what is learnt of them, and those of the lattice.
func Ops() []Op {
	var ops []Op
	for _, w := range []ir.Width{ir.W64, ir.W32} {
		ops = append(ops, aluOps(w)...)
		ops = append(ops, cmpOps(w)...)
		ops = append(ops, latticeOps(w)...)
	}
	ops = append(ops, swapOps()...)
	return append(ops, resizeOps()...)
}

// operands returns what a product or quotient of two words is one of: for
// signed divisions, their magnitudes.
func (s *statement) operands(op ir.ALUOp, x, y smt.Term) pair {
	if l := (logic[smt.Term]{s.b, s.w}); op == ir.SDiv || op == ir.SMod {
		l.signed(x, y, func(p, q smt.Term) (smt.Term, smt.Term) {
			x, y = p, q
			return p, q
		})
	}
	switch op {
	case ir.Lsh, ir.Rsh, ir.Arsh: // amounts lose their upper bits
		y = s.b.Bin(sem.And, s.w, y, s.b.Const(s.w, uint64(s.w-1)))
	case ir.Neg:
		x = s.b.Const(s.w, 0)
	}
	return pair{s.b.Resize(x, s.w, ir.W64, false), s.b.Resize(y, s.w, ir.W64, false)}
}

func aluOps(w ir.Width) (ops []Op) {
	for op := ir.Add; op <= ir.MovSX32; op++ {
		if op.MovSX() >= w {
			continue
		}
		ops = append(ops, Op{Name: "alu." + op.String(), Width: w, state: func(s *statement) {
			a, x := s.withWord("a", "x", w)
			b, y := s.withWord("b", "y", w)
			z := sem.ALU[smt.Term](s.algebra(), op, w, x, y)
			s.pairs = append(s.pairs, s.operands(op, x, y))
			s.aside(op, x, y, z)
			s.track(w, z, s.b.Bin(sem.And, w, y, s.b.Const(w, uint64(w-1)))) // amounts of shifts lose their upper bits
			s.result("", w, s.call("ALU", op, w, a, b)[0], z)
		}})
	}
	return ops
}

func cmpOps(w ir.Width) (ops []Op) {
	for _, op := range sem.CmpOps() {
		ops = append(ops, Op{Name: "cmp." + op.String(), Width: w, state: func(s *statement) {
			a, x := s.withWord("a", "x", w)
			b, y := s.withWord("b", "y", w)
			s.pairs = append(s.pairs, pair{s.b.Resize(x, w, ir.W64, false), s.b.Resize(y, w, ir.W64, false)})
			switch {
			case s.leaves: // ranges know what truth is without
				s.track(ir.W1, s.b.Cmp(op, w, x, y))
			case op == sem.SET:
				s.track(w, s.b.Bin(sem.And, w, x, y)) // what is compared with 0
			}
			r := s.call("Cmp", op, w, a, b)[0]
			s.result("", ir.W1, r, s.b.Cmp(op, w, x, y))
		}}, Op{Name: "refine." + op.String(), Width: w, state: func(s *statement) {
			a, x := s.withWord("a", "x", w)
			b, y := s.withWord("b", "y", w)
			s.given = append(s.given, s.b.Cmp(op, w, x, y))
			if !s.leaves { // what low halves share
				s.lowParts(w, w, x)
				s.lowParts(w, w, y)
			}
			wide := pair{s.b.Resize(x, w, ir.W64, false), s.b.Resize(y, w, ir.W64, false)}
			s.pairs = append(s.pairs, wide, pair{wide.y, wide.x})
			r := s.call("Refine", op, w, a, b)
			s.result("left ", w, r[0], x)
			s.result("right ", w, r[1], y)
		}}, Op{Name: "refine." + op.String() + ".valid", Width: w, state: func(s *statement) {
			a, b := s.element("a", w), s.element("b", w)
			r := s.call("Refine", op, w, a, b)
			s.goal("left valid", s.valid(w, r[0]))
			s.goal("right valid", s.valid(w, r[1]))
		}})
	}
	return ops
}

// latticeOps state that the order and its bounds are those of the sets of
// words, as far as soundness and ending fixpoints need.
func latticeOps(w ir.Width) []Op {
	bound := func(method string) Op {
		return Op{Name: "lattice." + method, Width: w, state: func(s *statement) {
			a, b, x := s.element("a", w), s.element("b", w), s.word("x", w)
			s.track(w, x)
			inA, inB := s.contains(w, a, x), s.contains(w, b, x)
			s.members = append(s.members, member{w, x})
			r := s.call(method, w, a, b)[0]
			s.goal("contains the words of both", s.b.Implies(s.b.Or(inA, inB), s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
			s.goal("left is below", s.truth("Leq", w, a, r))
			s.goal("right is below", s.truth("Leq", w, b, r))
		}}
	}
	return []Op{bound("Join"), bound("Widen"),
		{Name: "lattice.Meet", Width: w, state: func(s *statement) {
			a, b, x := s.element("a", w), s.element("b", w), s.word("x", w)
			s.track(w, x)
			s.members = append(s.members, member{w, x})
			both := s.b.And(s.contains(w, a, x), s.contains(w, b, x))
			r := s.call("Meet", w, a, b)[0]
			s.goal("contains the shared words", s.b.Implies(both, s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
		}},
		{Name: "lattice.Leq", Width: w, state: func(s *statement) {
			a, x := s.withWord("a", "x", w)
			b := s.element("b", w)
			s.goalIf("below is within", s.b.And(s.given[0], s.truth("Leq", w, a, b)), s.contains(w, b, x))
			s.goal("reflexive", s.truth("Leq", w, a, a))
		}},
		{Name: "lattice.Leq.transitive", Width: w, state: func(s *statement) {
			a, b, d := s.element("a", w), s.element("b", w), s.element("d", w)
			s.assumeThat(s.truth("Leq", w, a, b))
			s.assumeThat(s.truth("Leq", w, b, d))
			s.goal("transitive", s.truth("Leq", w, a, d))
		}},
		{Name: "lattice.Top", Width: w, state: func(s *statement) {
			s.result("", w, s.call("Top", w)[0], s.word("x", w))
			s.goal("greatest", s.truth("Leq", w, s.element("a", w), s.call("Top", w)[0]))
		}},
		{Name: "lattice.Bottom", Width: w, state: func(s *statement) {
			r, x := s.call("Bottom")[0], s.word("x", w)
			s.goal("empty", s.b.Not(s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
			s.goal("least", s.truth("Leq", w, r, s.element("a", w)))
		}},
		{Name: "const", Width: w, state: func(s *statement) {
			x := s.word("x", ir.W64)
			s.result("", w, s.call("Const", w, x)[0], s.b.Resize(x, ir.W64, w, false))
		}},
		{Name: "ite", Width: w, state: func(s *statement) {
			c, z := s.withWord("c", "z", ir.W1)
			a, x := s.withWord("a", "x", w)
			b, y := s.withWord("b", "y", w)
			r := s.call("Ite", c, a, b)[0]
			in := s.contains(w, r, s.b.Ite(z, x, y))
			if !s.leaves { // the same, case by case
				in = s.b.Ite(z, s.contains(w, r, x), s.contains(w, r, y))
			}
			s.goalIf("sound", s.b.And(s.given...), in)
			s.goalIf("valid", s.b.And(s.strong...), s.valid(w, r))
		}},
		{Name: "bounds", Width: w, state: func(s *statement) {
			s.concretely()
			a, x := s.withWord("a", "x", w)
			limits := symgo.Leaves(s.call("Bounds", w, a)[0])
			u, i := s.b.Resize(x, w, ir.W64, false), s.b.Resize(x, w, ir.W64, true)
			s.goalIf("unsigned", s.given[0], s.b.And(s.b.Cmp(sem.ULE, ir.W64, limits[0], u), s.b.Cmp(sem.ULE, ir.W64, u, limits[1])))
			s.goalIf("signed", s.given[0], s.b.And(s.b.Cmp(sem.SLE, ir.W64, limits[2], i), s.b.Cmp(sem.SLE, ir.W64, i, limits[3])))
		}}}
}

func swapOps() (ops []Op) {
	for _, op := range []ir.SwapOp{ir.ToLE, ir.ToBE, ir.BSwap} {
		for _, n := range []ir.Width{ir.W16, ir.W32, ir.W64} {
			ops = append(ops, Op{Name: fmt.Sprintf("swap.%v%d", op, n), Width: ir.W64, state: func(s *statement) {
				a, x := s.withWord("a", "x", ir.W64)
				z := sem.Swap[smt.Term](s.b, op, n, x)
				s.lowParts(ir.W64, n, x)
				s.track(ir.W64, z)
				s.result("", ir.W64, s.call("Swap", op, n, a)[0], z)
			}})
		}
	}
	return ops
}

// resizeOps are truncations, extensions, and what the low bits of a word tell
// of it.
func resizeOps() (ops []Op) {
	for _, n := range []ir.Width{ir.W8, ir.W16, ir.W32} {
		resize := func(name string, from, to ir.Width, signed bool) {
			ops = append(ops, Op{Name: fmt.Sprintf("%s.%d.%d", name, from, to), Width: from, state: func(s *statement) {
				a, x := s.withWord("a", "x", from)
				z := s.b.Resize(x, from, to, signed)
				s.lowParts(max(from, to), min(from, to), s.b.Resize(z, to, max(from, to), signed))
				s.lowParts(from, min(from, to), x)
				s.track(to, z)
				s.result("", to, s.call("Resize", a, from, to, signed)[0], z)
			}})
		}
		resize("trunc", ir.W64, n, false)
		resize("zext", n, ir.W64, false)
		resize("sext", n, ir.W64, true)
		ops = append(ops, Op{Name: fmt.Sprintf("refine.low%d", n), Width: ir.W64, state: func(s *statement) {
			a, x := s.withWord("a", "x", ir.W64)
			low := s.element("b", n)
			s.given = append(s.given, s.contains(n, low, s.b.Extract(x, n-1, 0)))
			s.lowParts(ir.W64, n, x)
			s.result("", ir.W64, s.call("RefineLow", ir.W64, n, a, low)[0], x)
		}})
	}
	return ops
}
