package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// component is a domain within the product. Its contracts say of its
// operations what is proved of it as a domain of its own.
//
// Lines of the product do not look into what validity and membership of the
// parts are: both are left open but for what membersOps proves of them. What is
// shown then holds for any meaning they could have, theirs among them, and
// takes no reasoning about words.
type component struct {
	*calls
	path string
}

func (c *calls) parts() (t, i component) { return component{c, tnumPath}, component{c, intervalPath} }

func (k component) isTnum() bool { return k.path == tnumPath }

func (k component) valid(w ir.Width, e symgo.Value) smt.Term {
	return k.split(func(args ...any) smt.Term { return k.validPart(w, k.value(args[0])) }, e)
}

// holds says that e has a word x of w bits.
func (k component) holds(w ir.Width, e symgo.Value, x smt.Term) smt.Term {
	x = k.b.Resize(x, w, ir.W64, false)
	return k.split(func(args ...any) smt.Term { return k.holdsPart(w, k.value(args[0]), x) }, e)
}

// isBottom is IsBottom as it is written.
func (k component) isBottom(e symgo.Value) smt.Term {
	return k.split(func(args ...any) smt.Term { return k.run(k.path+"T.IsBottom", args...) }, e)
}

// validPart is Valid, left open but for what known says, unless e is a constant.
// For tnum it is short enough as it is written.
func (k component) validPart(w ir.Width, e symgo.Value) smt.Term {
	if !k.leaves || k.isTnum() || k.fixed(e) {
		return k.run(k.path+"Domain.Valid", struct{}{}, w, e)
	}
	return k.b.And(k.known(w, e), k.unknown("valid", w, e))
}

// holdsPart is Contains, left open but for that Bottom has no word, and what is
// top has all.
func (k component) holdsPart(w ir.Width, e symgo.Value, x smt.Term) smt.Term {
	if !k.leaves || k.fixed(e) {
		return k.run(k.path+"Domain.Contains", struct{}{}, w, e, x)
	}
	any := k.b.Or(k.b.And(k.isTop(w, e), k.fits(w, x)), k.unknown("contains", w, e, x))
	return k.b.And(k.b.Not(k.run(k.path+"T.IsBottom", e)), any)
}

func (k component) fits(w ir.Width, x smt.Term) smt.Term {
	l := k.words64()
	return l.isZero(l.both(x, l.k(^w.Mask())))
}

// isTop says that e is the element of all words.
func (k component) isTop(w ir.Width, e symgo.Value) smt.Term {
	if k.isTnum() {
		l := k.words64()
		value, mask := tnumParts(e)
		return l.and(l.isZero(value), l.eq(mask, l.k(w.Mask())))
	}
	return k.run(k.path+"T.IsTop", e, w)
}

// known is what product lines know of valid ranges: they keep to their halves,
// and those of the word are empty if and only if those of its low half are.
func (k component) known(w ir.Width, e symgo.Value) smt.Term {
	full, low := sides(e)
	empty := func(h symgo.Value) smt.Term { return k.run(intervalPath+"Halves.empty", h) }
	return k.b.And(k.halvesValid(full, w), k.halvesValid(low, max(1, w/2)), k.b.Eq(empty(full), empty(low)))
}

// first is a word of an element that is valid and not Bottom.
func (k component) first(e symgo.Value) smt.Term {
	if k.isTnum() {
		value, _ := tnumParts(e)
		return value
	}
	full, _ := sides(e)
	pos, neg := halvesOf(full)
	least, _ := rangeBounds(pos)
	other, _ := rangeBounds(neg)
	return k.b.Ite(k.filled(pos), least, other)
}

// fixed reports whether all of e is constant.
func (k component) fixed(e symgo.Value) bool {
	for _, t := range symgo.Leaves(e) {
		if _, known := k.b.ConstValue(t); !known {
			return false
		}
	}
	return true
}

// unknown is a condition of which nothing is known but that it is always the
// same for the same element and words.
func (k component) unknown(name string, w ir.Width, e symgo.Value, xs ...smt.Term) smt.Term {
	k.open = true
	k.restOn(Line{productName, contractPrefix + "members", w})
	key := fmt.Sprint(k.path, name, w, symgo.Leaves(e), xs)
	t, ok := k.unknowns[key]
	if !ok {
		t = k.b.Var(fmt.Sprintf("%s!%d", name, len(k.unknowns)), ir.W1)
		k.unknowns[key] = t
	}
	return t
}

// leave makes predicates of the domain that m runs ask the parts for theirs.
func (c *calls) leave(m *symgo.Machine) {
	t, i := c.parts()
	for _, k := range []component{t, i} {
		set := func(method string, of func(w ir.Width, args []symgo.Value) smt.Term) {
			fn, err := c.s.prog.Func(k.path + method)
			if err != nil {
				c.fail(err)
				return
			}
			m.SetContract(fn, func(_ *symgo.Machine, args []symgo.Value, _ func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
				w := ir.Width(c.constant(args, 1))
				return []symgo.Value{symgo.Bool{Term: of(w, args)}}, c.b.Bool(true), c.b.Bool(true)
			})
		}
		set("Domain.Valid", func(w ir.Width, args []symgo.Value) smt.Term { return k.validPart(w, args[2]) })
		set("Domain.Contains", func(w ir.Width, args []symgo.Value) smt.Term { return k.holdsPart(w, args[2], leaf(args[3])) })
	}
}

// concretely has a line of the product look into its parts as they are written.
func (c *calls) concretely() { c.leaves = false }

// productWidths are those at which elements of the product are made.
func productWidths() []ir.Width { return []ir.Width{ir.W64, ir.W32, ir.W16, ir.W8, ir.W1} }

// membersOps prove what product lines know of validity and membership of parts.
func membersOps() (ops []Op) {
	for _, w := range productWidths() {
		ops = append(ops, Op{Name: contractPrefix + "members", Width: w, state: func(s *statement) {
			s.concretely()
			e, x := s.elem("a").(*symgo.Struct), s.word("x", ir.W64)
			t, i := s.parts()
			for n, k := range []component{t, i} {
				name, p := []string{"tnum: ", "interval: "}[n], e.Fields[n]
				valid, bottom := k.validPart(w, p), k.isBottom(p)
				if !k.isTnum() {
					s.goalIf(name+"known", valid, k.known(w, p))
				}
				s.goalIf(name+"bottom is empty", bottom, s.b.Not(k.holdsPart(w, p, x)))
				s.goalIf(name+"top has all", s.b.And(k.isTop(w, p), k.fits(w, x)), k.holdsPart(w, p, x))
				s.goalIf(name+"all else has words", s.b.And(valid, s.b.Not(bottom)), s.b.And(k.fits(w, k.first(p)), k.holdsPart(w, p, k.first(p))))
			}
		}})
	}
	return ops
}

// joinsOps prove of joins and widenings of the parts that they are Bottom where
// both operands are.
func joinsOps() (ops []Op) {
	for _, w := range []ir.Width{ir.W64, ir.W32} {
		for _, method := range []string{"Join", "Widen"} {
			ops = append(ops, Op{Name: contractPrefix + method, Width: w, state: func(s *statement) {
				s.concretely()
				none := s.call("Bottom")[0].(*symgo.Struct)
				t, i := s.parts()
				for n, k := range []component{t, i} {
					fn, err := s.s.prog.Func(k.path + "Domain." + method)
					if err != nil {
						s.fail(err)
						return
					}
					r := s.callFunc(fn, struct{}{}, s.w, none.Fields[n], none.Fields[n])[0]
					s.goal([]string{"tnum", "interval"}[n], s.same(r, none.Fields[n]))
				}
			}})
		}
	}
	return ops
}

// cutSays says of cut that bounds only move towards each other, and past no word
// that the tnum has.
func (c *calls) cutSays(t, r, cut symgo.Value, x smt.Term) smt.Term {
	l := c.words64()
	inside := l.implies(c.filled(cut), c.cutOf(cut, r))
	return l.and(inside, l.implies(l.and(c.in(r, x), c.inTnum(t, x)), c.in(cut, x)))
}

func (c *calls) sayCut(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	r, assume := fresh(0), c.b.Bool(true)
	for _, x := range c.words {
		assume = c.b.And(assume, c.cutSays(args[0], args[1], r, x))
	}
	return []symgo.Value{r}, assume, c.clean(args[0])
}

// stateCut demands of cut what sayCut says.
func stateCut(s *statement) {
	fn, err := s.s.prog.Func(reducedPath + "cut")
	if err != nil {
		s.fail(err)
		return
	}
	e, r, x := s.elem("a").(*symgo.Struct).Fields[0], s.m.Var("b", fn.Param(1)), s.word("x", ir.W64)
	s.assumeThat(s.clean(e))
	s.goal("cut", s.cutSays(e, r, s.callFunc(fn, e, r)[0], x))
}

// same says that all words of two values are equal.
func (c *calls) same(v, u symgo.Value) smt.Term {
	same, us := c.b.Bool(true), symgo.Leaves(u)
	for i, t := range symgo.Leaves(v) {
		same = c.b.And(same, c.b.Eq(t, us[i]))
	}
	return same
}

// agreeOps prove of agree that it says yes of no Bottom.
func agreeOps() (ops []Op) {
	for _, w := range productWidths() {
		ops = append(ops, Op{Name: contractPrefix + "agree", Width: w, state: func(s *statement) {
			s.concretely()
			e := s.elem("a").(*symgo.Struct)
			p := parts{s.calls, w, e.Fields[0], e.Fields[1]}
			t, i := s.parts()
			s.assumeThat(s.b.And(t.valid(w, p.t), i.known(w, p.r)))
			fn, err := s.s.prog.Func(reducedPath + "agree")
			if err != nil {
				s.fail(err)
				return
			}
			yes := s.callFunc(fn, w, p.t, s.m.Ref(p.r))[0].(symgo.Bool).Term
			s.goalIf("neither is Bottom", yes, p.filled())
		}})
	}
	return ops
}
