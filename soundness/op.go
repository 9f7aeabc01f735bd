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
}

// statement gathers premises and goals of one obligation.
type statement struct {
	*calls
	w        ir.Width
	premises []smt.Term
	goals    []Goal
}

func (s *statement) assumeThat(t smt.Term)              { s.premises = append(s.premises, t) }
func (s *statement) goal(name string, t smt.Term)       { s.goals = append(s.goals, Goal{name, t}) }
func (s *statement) word(n string, w ir.Width) smt.Term { return s.b.Var(n, w) }

// member makes a valid element of w bits and one of its words.
func (s *statement) member(elem, word string, w ir.Width) (symgo.Value, smt.Term) {
	e, x := s.elem(elem), s.word(word, w)
	s.assumeThat(s.valid(w, e))
	s.assumeThat(s.contains(w, e, x))
	return e, x
}

// element makes a valid element of w bits.
func (s *statement) element(name string, w ir.Width) symgo.Value {
	e := s.elem(name)
	s.assumeThat(s.valid(w, e))
	return e
}

// result demands that r is valid at w bits and contains x.
func (s *statement) result(name string, w ir.Width, r symgo.Value, x smt.Term) {
	s.goal(name+"sound", s.contains(w, r, x))
	s.goal(name+"valid", s.valid(w, r))
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

func aluOps(w ir.Width) (ops []Op) {
	for op := ir.Add; op <= ir.MovSX32; op++ {
		if op.MovSX() >= w {
			continue
		}
		ops = append(ops, Op{"alu." + op.String(), w, func(s *statement) {
			a, x := s.member("a", "x", w)
			b, y := s.member("b", "y", w)
			r := s.call("ALU", op, w, a, b)[0]
			s.result("", w, r, sem.ALU[smt.Term](s.b, op, w, x, y))
		}})
	}
	return ops
}

func cmpOps(w ir.Width) (ops []Op) {
	for _, op := range sem.CmpOps() {
		ops = append(ops, Op{"cmp." + op.String(), w, func(s *statement) {
			a, x := s.member("a", "x", w)
			b, y := s.member("b", "y", w)
			r := s.call("Cmp", op, w, a, b)[0]
			s.result("", ir.W1, r, s.b.Cmp(op, w, x, y))
		}}, Op{"refine." + op.String(), w, func(s *statement) {
			a, x := s.member("a", "x", w)
			b, y := s.member("b", "y", w)
			s.assumeThat(s.b.Cmp(op, w, x, y))
			r := s.call("Refine", op, w, a, b)
			s.result("left ", w, r[0], x)
			s.result("right ", w, r[1], y)
		}}, Op{"refine." + op.String() + ".valid", w, func(s *statement) {
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
		return Op{"lattice." + method, w, func(s *statement) {
			a, b, x := s.element("a", w), s.element("b", w), s.word("x", w)
			inA, inB := s.contains(w, a, x), s.contains(w, b, x)
			r := s.call(method, w, a, b)[0]
			s.goal("contains the words of both", s.b.Implies(s.b.Or(inA, inB), s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
			s.goal("left is below", s.truth("Leq", w, a, r))
			s.goal("right is below", s.truth("Leq", w, b, r))
		}}
	}
	return []Op{bound("Join"), bound("Widen"),
		{"lattice.Meet", w, func(s *statement) {
			a, b, x := s.element("a", w), s.element("b", w), s.word("x", w)
			both := s.b.And(s.contains(w, a, x), s.contains(w, b, x))
			r := s.call("Meet", w, a, b)[0]
			s.goal("contains the shared words", s.b.Implies(both, s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
		}},
		{"lattice.Leq", w, func(s *statement) {
			a, x := s.member("a", "x", w)
			b := s.element("b", w)
			s.goal("below is within", s.b.Implies(s.truth("Leq", w, a, b), s.contains(w, b, x)))
			s.goal("reflexive", s.truth("Leq", w, a, a))
		}},
		{"lattice.Leq.transitive", w, func(s *statement) {
			a, b, d := s.element("a", w), s.element("b", w), s.element("d", w)
			s.assumeThat(s.truth("Leq", w, a, b))
			s.assumeThat(s.truth("Leq", w, b, d))
			s.goal("transitive", s.truth("Leq", w, a, d))
		}},
		{"lattice.Top", w, func(s *statement) {
			s.result("", w, s.call("Top", w)[0], s.word("x", w))
			s.goal("greatest", s.truth("Leq", w, s.element("a", w), s.call("Top", w)[0]))
		}},
		{"lattice.Bottom", w, func(s *statement) {
			r, x := s.call("Bottom")[0], s.word("x", w)
			s.goal("empty", s.b.Not(s.contains(w, r, x)))
			s.goal("valid", s.valid(w, r))
			s.goal("least", s.truth("Leq", w, r, s.element("a", w)))
		}},
		{"const", w, func(s *statement) {
			x := s.word("x", ir.W64)
			s.result("", w, s.call("Const", w, x)[0], s.b.Resize(x, ir.W64, w, false))
		}},
		{"ite", w, func(s *statement) {
			c, z := s.member("c", "z", ir.W1)
			a, x := s.member("a", "x", w)
			b, y := s.member("b", "y", w)
			s.result("", w, s.call("Ite", c, a, b)[0], s.b.Ite(z, x, y))
		}},
		{"bounds", w, func(s *statement) {
			a, x := s.member("a", "x", w)
			limits := symgo.Leaves(s.call("Bounds", w, a)[0])
			u, i := s.b.Resize(x, w, ir.W64, false), s.b.Resize(x, w, ir.W64, true)
			s.goal("unsigned", s.b.And(s.b.Cmp(sem.ULE, ir.W64, limits[0], u), s.b.Cmp(sem.ULE, ir.W64, u, limits[1])))
			s.goal("signed", s.b.And(s.b.Cmp(sem.SLE, ir.W64, limits[2], i), s.b.Cmp(sem.SLE, ir.W64, i, limits[3])))
		}}}
}

func swapOps() (ops []Op) {
	for _, op := range []ir.SwapOp{ir.ToLE, ir.ToBE, ir.BSwap} {
		for _, n := range []ir.Width{ir.W16, ir.W32, ir.W64} {
			ops = append(ops, Op{fmt.Sprintf("swap.%v%d", op, n), ir.W64, func(s *statement) {
				a, x := s.member("a", "x", ir.W64)
				s.result("", ir.W64, s.call("Swap", op, n, a)[0], sem.Swap[smt.Term](s.b, op, n, x))
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
			ops = append(ops, Op{fmt.Sprintf("%s.%d.%d", name, from, to), from, func(s *statement) {
				a, x := s.member("a", "x", from)
				s.result("", to, s.call("Resize", a, from, to, signed)[0], s.b.Resize(x, from, to, signed))
			}})
		}
		resize("trunc", ir.W64, n, false)
		resize("zext", n, ir.W64, false)
		resize("sext", n, ir.W64, true)
		ops = append(ops, Op{fmt.Sprintf("refine.low%d", n), ir.W64, func(s *statement) {
			a, x := s.member("a", "x", ir.W64)
			low := s.element("b", n)
			s.assumeThat(s.contains(n, low, s.b.Extract(x, n-1, 0)))
			s.result("", ir.W64, s.call("RefineLow", ir.W64, n, a, low)[0], x)
		}})
	}
	return ops
}
