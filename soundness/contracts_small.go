package soundness

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// smallOps prove of operands that are small what the product makes of that:
// that the range Small tells of is the element, and that what Short returns is
// what the operation does, whose own line says what that is.
func smallOps() (ops []Op) {
	for _, w := range []ir.Width{ir.W64, ir.W32} {
		ops = append(ops, Op{Name: contractPrefix + "Small", Width: w, state: stateSmall})
		for op := ir.Add; op <= ir.MovSX32; op++ {
			if op != ir.Add && op.MovSX() < w { // additions are on their own
				ops = append(ops, Op{Name: contractPrefix + "Short." + op.String(), Width: w, state: func(s *statement) { s.stateShort(op) }})
			}
		}
	}
	return ops
}

// stateSmall demands of Small that the range is all of the element.
func stateSmall(s *statement) {
	s.concretely()
	_, i := s.parts()
	e := s.elem("a").(*symgo.Struct).Fields[1]
	fn, err := s.s.prog.Func(intervalPath + "T.Small")
	if err != nil {
		s.fail(err)
		return
	}
	s.assumeThat(i.valid(s.w, e))
	r := s.callFunc(fn, s.m.Ref(e), s.w)
	ok := r[1].(symgo.Bool).Term
	s.goalIf("small", ok, s.small(s.w, r[0]))
	s.goalIf("all of it", ok, s.same(e, s.ofRange(r[0])))
}

// small says that a range has words, all below 2^(w/2-1).
func (c *calls) small(w ir.Width, r symgo.Value) smt.Term {
	l := c.words64()
	least, greatest := rangeBounds(r)
	return l.and(l.le(least, greatest), l.lt(greatest, l.k((w/2).SignBit())))
}

// leaveOut leaves open what a function returns.
func (c *calls) leaveOut(name string, writes ...int) {
	fn, err := c.s.prog.Func(name)
	if err != nil {
		c.fail(err)
		return
	}
	c.m.SetContract(fn, func(_ *symgo.Machine, _ []symgo.Value, fresh func(int) symgo.Value) (rs []symgo.Value, assume, require smt.Term) {
		c.open = true
		for i := range fn.Results() + len(writes) {
			rs = append(rs, fresh(i))
		}
		return rs, c.b.Bool(true), c.b.Bool(true)
	}, writes...)
}

// ofRange returns interval.Small.
func (c *calls) ofRange(r symgo.Value) symgo.Value {
	none := symgo.Value(&symgo.Struct{Fields: []symgo.Value{c.value(^uint64(0)), c.value(uint64(0))}})
	h := symgo.Value(&symgo.Struct{Fields: []symgo.Value{r, none}})
	return &symgo.Struct{Fields: []symgo.Value{h, h}}
}

// stateShort demands of Short that its result is that of the operation. What
// the operation does with other operands is left open.
func (s *statement) stateShort(op ir.ALUOp) {
	s.concretely()
	for _, f := range []string{"T.SetAdd", "T.setSub", "T.setMul", "T.setAnd", "T.setOr", "T.setXor"} {
		s.leaveOut(intervalPath+f, 0)
	}
	s.leaveOut(intervalPath + "rare")
	e, f := s.elem("a").(*symgo.Struct).Fields[1], s.elem("b").(*symgo.Struct).Fields[1]
	short, err := s.s.prog.Func(intervalPath + "Short")
	if err != nil {
		s.fail(err)
		return
	}
	set, err := s.s.prog.Func(intervalPath + "Domain.ALU")
	if err != nil {
		s.fail(err)
		return
	}
	p, q := symgo.Value(e.(*symgo.Struct).Fields[0].(*symgo.Struct).Fields[0]), f.(*symgo.Struct).Fields[0].(*symgo.Struct).Fields[0]
	s.assumeThat(s.b.And(s.small(s.w, p), s.small(s.w, q)))
	r := s.callFunc(short, op, s.w, p, q)
	whole := s.callFunc(set, struct{}{}, op, s.w, s.ofRange(p), s.ofRange(q))[0]
	s.goalIf("the same", r[1].(symgo.Bool).Term, s.same(whole, s.ofRange(r[0])))
}

// saySmall says of Small that the range is all of the element.
func (k component) saySmall(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	e, w := a[0], ir.Width(k.number(a[1]))
	if w < ir.W32 { // is not called
		return nil, smt.Term{}, smt.Term{}
	}
	r, ok := fresh(0), fresh(1)
	all := k.ofRange(r)
	assume := k.b.And(k.calls.small(w, r), k.valid(w, all))
	for _, x := range k.of(w, 1) {
		assume = k.b.And(assume, k.b.Implies(k.holds(w, e, x), k.holds(w, all, x)))
	}
	return []symgo.Value{r, ok}, k.b.Implies(ok.(symgo.Bool).Term, assume), k.valid(w, e)
}

// sayShort says of Short that the range is the result of the operation.
func (k component) sayShort(a []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
	op, w, r, ok := ir.ALUOp(k.number(a[0])), ir.Width(k.number(a[1])), fresh(0), fresh(1)
	p, q, all := k.ofRange(a[2]), k.ofRange(a[3]), k.ofRange(r)
	_, assume, require := k.alu(op, w, p, q, all)
	narrow := func(x smt.Term) smt.Term { return k.b.Resize(x, ir.W64, w, false) }
	x, y := k.first(p), k.first(q) // there are words, so there are results
	for _, e := range []struct {
		e symgo.Value
		x smt.Term
	}{{p, x}, {q, y}} {
		assume = k.b.And(assume, k.b.Implies(k.valid(w, e.e), k.b.Or(k.isBottom(e.e), k.holds(w, e.e, narrow(e.x)))))
	}
	given := k.b.And(k.holds(w, p, narrow(x)), k.holds(w, q, narrow(y)))
	z := sem.ALU[smt.Term](k.algebra(), op, w, narrow(x), narrow(y))
	assume = k.b.And(assume, k.b.Implies(given, k.holds(w, all, z)))
	require = k.b.And(require, k.calls.small(w, a[2]), k.calls.small(w, a[3]))
	return []symgo.Value{r, ok}, k.b.Implies(ok.(symgo.Bool).Term, assume), require
}

// shortLines are those that prove what sayShort says.
func shortLines(c *calls) func(args []symgo.Value) []Line {
	return func(a []symgo.Value) []Line {
		op, w := ir.ALUOp(c.number(a[0])), ir.Width(c.number(a[1]))
		return []Line{{"interval", fmt.Sprintf("alu.%v", op), w}, {productName, fmt.Sprintf("%sShort.%v", contractPrefix, op), w}}
	}
}
