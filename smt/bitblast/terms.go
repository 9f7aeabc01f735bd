package bitblast

import (
	"context"
	"errors"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// errLarge says that the limit of gates was hit.
var errLarge = errors.New("formula too large")

// translator turns terms of one Builder into words of gates.
type translator struct {
	g        *graph
	b        *smt.Builder
	words    map[smt.Term]word
	quotient map[[2]smt.Term][2]word // and remainder, unsigned
	applies  map[string][]smt.Term   // in the order of their numbers
	side     word                    // what holds besides the assertions
}

func newTranslator(b *smt.Builder, limit int) *translator {
	return &translator{
		g: newGraph(limit), b: b, words: map[smt.Term]word{}, quotient: map[[2]smt.Term][2]word{}, applies: map[string][]smt.Term{},
	}
}

// assertions translates what must hold together.
func (tr *translator) assertions(ctx context.Context, ts []smt.Term) (word, error) {
	var out word
	for n, t := range list(tr.b, ts) {
		if n%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		tr.words[t] = tr.node(t)
		if tr.g.full {
			return nil, errLarge
		}
	}
	for _, t := range ts {
		out = append(out, tr.words[t]...)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return append(out, tr.side...), nil
}

// list returns the terms under roots, arguments first.
func list(b *smt.Builder, roots []smt.Term) []smt.Term {
	var out []smt.Term
	for t := range b.Terms(roots...) {
		out = append(out, t)
	}
	return out
}

// node translates a term whose arguments have been translated.
func (tr *translator) node(t smt.Term) word {
	b, g, w := tr.b, tr.g, int(tr.b.Width(t))
	args := b.Args(t)
	arg := func(i int) word { return tr.words[args[i]] }
	switch b.Op(t) {
	case smt.OpConst:
		x, _ := b.ConstValue(t)
		return constant(w, x)
	case smt.OpVar:
		return tr.fresh(w)
	case smt.OpApply:
		return tr.apply(t)
	case smt.OpAdd:
		return tr.addition(t)
	case smt.OpMul:
		return tr.product(t)
	case smt.OpUDiv, smt.OpURem, smt.OpSDiv, smt.OpSRem:
		return tr.division(b.Op(t), args[0], args[1])
	case smt.OpNot:
		return arg(0).not()
	case smt.OpShl:
		return g.shift(arg(0), arg(1), true, no)
	case smt.OpLShr:
		return g.shift(arg(0), arg(1), false, no)
	case smt.OpAShr:
		return g.shift(arg(0), arg(1), false, arg(0)[w-1])
	case smt.OpExtract:
		hi, lo := b.Range(t)
		return arg(0)[lo : hi+1 : hi+1]
	case smt.OpIte:
		return g.choose(arg(0)[0], arg(1), arg(2))
	case smt.OpEq:
		return word{g.equal(arg(0), arg(1))}
	case smt.OpULT:
		return word{g.less(arg(0), arg(1))}
	case smt.OpSLT:
		return word{g.signedLess(arg(0), arg(1))}
	}
	return tr.collect(t, w)
}

// collect translates operations that go over their arguments bit by bit.
func (tr *translator) collect(t smt.Term, w int) word {
	op, args := tr.b.Op(t), tr.b.Args(t)
	out := tr.words[args[0]]
	switch op {
	case smt.OpSignExt:
		out = append(make(word, 0, w), out...)
		for len(out) < w {
			out = append(out, out[len(out)-1])
		}
		return out
	case smt.OpConcat:
		out = make(word, 0, w)
		for i := len(args) - 1; i >= 0; i-- {
			out = append(out, tr.words[args[i]]...)
		}
		return out
	}
	bit := map[smt.Op]func(x, y lit) lit{smt.OpAnd: tr.g.and, smt.OpOr: tr.g.or, smt.OpXor: tr.g.xor}[op]
	if bit == nil {
		panic("bitblast: translate " + op.String() + ": not an operation of package smt")
	}
	for _, a := range args[1:] {
		out = each(bit, out, tr.words[a])
	}
	return out
}

func (tr *translator) fresh(w int) word {
	out := make(word, w)
	for i := range out {
		out[i] = tr.g.input()
	}
	return out
}

// apply translates an application of an uninterpreted function to a fresh
// word, and notes that it equals every earlier one with the same arguments.
func (tr *translator) apply(t smt.Term) word {
	g, s := tr.g, tr.b.Symbol(t)
	out := tr.fresh(int(s.Sort.Result))
	for _, other := range tr.applies[s.Name] {
		same := yes
		for i, a := range tr.b.Args(t) {
			if same == no {
				break
			}
			same = g.and(same, g.equal(tr.words[a], tr.words[tr.b.Args(other)[i]]))
		}
		if same == no {
			continue
		}
		for i, x := range tr.words[other] {
			tr.side = append(tr.side, g.or(same.not(), g.xor(x, out[i]).not()))
		}
		if g.full {
			return out
		}
	}
	tr.applies[s.Name] = append(tr.applies[s.Name], t)
	return out
}

// addition translates a sum, added up one by one in the order of the terms, so
// that sums with a common beginning share adders; coefficients become signed
// digits.
func (tr *translator) addition(t smt.Term) word {
	w := int(tr.b.Width(t))
	var words []word
	k := uint64(0)
	for _, a := range tr.b.Args(t) {
		ws, c := tr.summands(w, a)
		words, k = append(words, ws...), k+c
	}
	return tr.g.sum(w, words, k)
}

// summands returns words and a constant whose sum is t.
func (tr *translator) summands(w int, t smt.Term) ([]word, uint64) {
	if x, ok := tr.b.ConstValue(t); ok {
		return nil, x
	}
	args := tr.b.Args(t)
	if tr.b.Op(t) == smt.OpMul && len(args) == 2 {
		if c, ok := tr.b.ConstValue(args[0]); ok {
			return scaled(w, c, tr.words[args[1]])
		}
	}
	return []word{tr.words[t]}, 0
}

// product translates a product; a constant comes first.
func (tr *translator) product(t smt.Term) word {
	w, args := int(tr.b.Width(t)), tr.b.Args(t)
	c, scale := tr.b.ConstValue(args[0])
	if scale {
		args = args[1:]
	}
	out := tr.words[args[0]]
	for _, a := range args[1:] {
		out = tr.g.mul(out, tr.words[a])
	}
	if !scale {
		return out
	}
	words, k := scaled(w, c, out)
	return tr.g.sum(w, words, k)
}

// division translates the four divisions. Signed ones divide magnitudes: the
// quotient is negative where the signs differ, the remainder where the
// dividend is. That is right for a divisor of 0, too.
func (tr *translator) division(op smt.Op, x, y smt.Term) word {
	g, top := tr.g, int(tr.b.Width(x))-1
	if op == smt.OpUDiv || op == smt.OpURem {
		both, ok := tr.quotient[[2]smt.Term{x, y}]
		if !ok {
			both[0], both[1] = g.divide(tr.words[x], tr.words[y])
			tr.quotient[[2]smt.Term{x, y}] = both
		}
		if op == smt.OpUDiv {
			return both[0]
		}
		return both[1]
	}
	sx, sy := tr.words[x][top], tr.words[y][top]
	q, r := g.divide(g.negIf(sx, tr.words[x]), g.negIf(sy, tr.words[y]))
	if op == smt.OpSDiv {
		return g.negIf(g.xor(sx, sy), q)
	}
	return g.negIf(sx, r)
}

// value returns the value of a variable or application.
func (tr *translator) value(t smt.Term, bit func(lit) bool) uint64 {
	x := uint64(0)
	for i, l := range tr.words[t] {
		if bit(l) {
			x |= 1 << i
		}
	}
	return x & ir.Width(len(tr.words[t])).Mask()
}
