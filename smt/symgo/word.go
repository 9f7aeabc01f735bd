package symgo

import (
	"fmt"
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

func typeName(x any) string { return fmt.Sprintf("%T", x) }

func (m *Machine) sub(w ir.Width, x, y smt.Term) smt.Term { return m.b.Bin(sem.Sub, w, x, y) }

// binOp runs the binary operators, comparisons among them.
func (a *activation) binOp(s *state, in *ssa.BinOp) Value {
	switch in.Op {
	case token.EQL, token.NEQ:
		x, y := a.get(s, in.X), a.get(s, in.Y)
		c, ok := a.m.equal(x, y)
		if !ok {
			a.fail("comparison", "outside the subset: %s and %s", describe(x), describe(y))
		}
		if in.Op == token.NEQ {
			c = a.m.b.Not(c)
		}
		return Bool{c}
	case token.SHL, token.SHR:
		return a.shift(s, in)
	}
	x, y := a.word(s, in.X), a.word(s, in.Y)
	w := a.m.b.Width(x.Term)
	if op, ok := order(in.Op, x.Signed); ok {
		return Bool{a.m.b.Cmp(op, w, x.Term, y.Term)}
	}
	switch in.Op {
	case token.QUO, token.REM:
		a.m.check(s.path, in.Pos(), "division by zero", a.m.b.Eq(y.Term, a.m.b.Const(w, 0)))
	case token.AND_NOT:
		return Word{a.m.b.Bin(sem.And, w, x.Term, a.m.b.Not(y.Term)), x.Signed}
	}
	op, ok := arithmetic(in.Op, x.Signed)
	if !ok {
		a.fail("operator "+in.Op.String(), "outside the subset")
	}
	return Word{a.m.bin(op, w, x.Term, y.Term), x.Signed}
}

// order returns the comparison of integers that an operator stands for.
func order(op token.Token, signed bool) (sem.CmpOp, bool) {
	i := 0
	if signed {
		i = 1
	}
	switch op {
	case token.LSS:
		return [...]sem.CmpOp{sem.ULT, sem.SLT}[i], true
	case token.LEQ:
		return [...]sem.CmpOp{sem.ULE, sem.SLE}[i], true
	case token.GTR:
		return [...]sem.CmpOp{sem.UGT, sem.SGT}[i], true
	case token.GEQ:
		return [...]sem.CmpOp{sem.UGE, sem.SGE}[i], true
	}
	return 0, false
}

// arithmetic returns the word operation that an operator stands for. Where the
// divisor is not 0, Go divides as sem does: the least number divided by -1 is
// itself, with remainder 0.
func arithmetic(op token.Token, signed bool) (sem.BinOp, bool) {
	i := 0
	if signed {
		i = 1
	}
	switch op {
	case token.ADD:
		return sem.Add, true
	case token.SUB:
		return sem.Sub, true
	case token.MUL:
		return sem.Mul, true
	case token.QUO:
		return [...]sem.BinOp{sem.UDiv, sem.SDiv}[i], true
	case token.REM:
		return [...]sem.BinOp{sem.URem, sem.SRem}[i], true
	case token.AND:
		return sem.And, true
	case token.OR:
		return sem.Or, true
	case token.XOR:
		return sem.Xor, true
	}
	return 0, false
}

// shift runs << and >>, whose amount has a type of its own. Amounts from the
// width of the word on leave 0, or the sign; negative ones panic.
func (a *activation) shift(s *state, in *ssa.BinOp) Value {
	x, y := a.word(s, in.X), a.word(s, in.Y)
	b := a.m.b
	w, wy := b.Width(x.Term), b.Width(y.Term)
	if y.Signed {
		a.m.check(s.path, in.Pos(), "negative shift", b.Cmp(sem.SLT, wy, y.Term, b.Const(wy, 0)))
	}
	op := sem.Shl
	if in.Op == token.SHR {
		op = sem.LShr
		if x.Signed {
			op = sem.AShr
		}
	}
	amount, much := y.Term, b.Bool(false)
	if wy > w {
		much = b.Cmp(sem.UGE, wy, amount, b.Const(wy, uint64(w)))
	}
	r := b.Bin(op, w, x.Term, b.Resize(amount, wy, w, false))
	beyond := b.Const(w, 0)
	if op == sem.AShr {
		beyond = b.Bin(op, w, x.Term, b.Const(w, uint64(w-1)))
	}
	return Word{b.Ite(much, beyond, r), x.Signed}
}
