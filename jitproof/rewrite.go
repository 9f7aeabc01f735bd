package jitproof

import (
	"math"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// splits bounds the conditions on which a goal is split before a solver is
// asked: 2^splits cases.
const splits = 3

// follows tries to show without a solver that the goal is 1 where the path's
// conditions are: equal terms are put for each other, conditions that hold
// are put as 1, and what is left to choose is tried both ways. Every step
// keeps the goal's value wherever the path's conditions hold, so a goal that
// becomes 1, or a path that becomes 0, is a proof.
func follows(b *smt.Builder, path []smt.Term, goal smt.Term, depth int) bool {
	for range len(path) + 1 { // one fact may simplify the next
		changed := false
		for i, c := range path {
			facts := fact(b, c)
			next := substitute(b, facts, goal)
			changed = changed || next != goal
			goal = next
			for j := range path {
				if i != j {
					next := substitute(b, facts, path[j])
					changed = changed || next != path[j]
					path[j] = next
				}
				if x, ok := b.ConstValue(path[j]); ok && x == 0 {
					return true
				}
			}
		}
		if !changed {
			break
		}
	}
	if x, ok := b.ConstValue(goal); ok {
		return x == 1
	}
	c, ok := choice(b, goal)
	if depth == 0 || !ok {
		return false
	}
	with := func(c smt.Term) []smt.Term { return append(append([]smt.Term{}, path...), c) }
	return follows(b, with(c), goal, depth-1) && follows(b, with(b.Not(c)), goal, depth-1)
}

// choice returns a condition that the goal depends on.
func choice(b *smt.Builder, goal smt.Term) (c smt.Term, ok bool) {
	for t := range b.Terms(goal) {
		if b.Op(t) == smt.OpIte {
			return b.Args(t)[0], true
		}
	}
	return c, false
}

// fact returns what may be put for what where c is 1.
func fact(b *smt.Builder, c smt.Term) map[smt.Term]smt.Term {
	facts := map[smt.Term]smt.Term{}
	if _, ok := b.ConstValue(c); ok {
		return facts
	}
	switch b.Op(c) {
	case smt.OpNot:
		facts[b.Args(c)[0]] = b.Bool(false)
		return facts
	case smt.OpAnd:
		for _, x := range b.Args(c) {
			for from, to := range fact(b, x) {
				facts[from] = to
			}
		}
	case smt.OpEq:
		x, y := b.Args(c)[0], b.Args(c)[1]
		if less(b, y, x) {
			x, y = y, x
		}
		if !unfit(b, y, x) {
			facts[y] = x
		}
	}
	facts[c] = b.Bool(true)
	return facts
}

// maxPut bounds the terms that are put for others, so that substitutions into
// each other cannot grow without end.
const maxPut = 12

// unfit reports whether x is too large to be put for y, or y is a part of it,
// so that putting x for y would only make terms grow.
func unfit(b *smt.Builder, y, x smt.Term) bool {
	n := 0
	for t := range b.Terms(x) {
		if n++; t == y || n > maxPut {
			return true
		}
	}
	return false
}

// less orders the sides of an equality: constants first, variables last, and
// among equals those that were made first.
func less(b *smt.Builder, x, y smt.Term) bool {
	rank := func(t smt.Term) int {
		switch b.Op(t) {
		case smt.OpConst:
			return 0
		case smt.OpVar:
			return 2
		}
		return 1
	}
	if rank(x) != rank(y) {
		return rank(x) < rank(y)
	}
	return x.ID() < y.ID()
}

// substitute returns t with what facts map put in their place.
func substitute(b *smt.Builder, facts map[smt.Term]smt.Term, t smt.Term) smt.Term {
	if len(facts) == 0 {
		return t
	}
	put := map[smt.Term]smt.Term{}
	for x := range b.Terms(t) {
		if to, ok := facts[x]; ok {
			put[x] = to
			continue
		}
		args := b.Args(x)
		next := make([]smt.Term, len(args))
		same := true
		for i, a := range args {
			next[i] = put[a]
			same = same && next[i] == a
		}
		if same {
			put[x] = x
		} else {
			put[x] = rebuild(b, x, next)
		}
	}
	return put[t]
}

var binOps = map[smt.Op]sem.BinOp{smt.OpAdd: sem.Add, smt.OpMul: sem.Mul, smt.OpUDiv: sem.UDiv, smt.OpURem: sem.URem,
	smt.OpSDiv: sem.SDiv, smt.OpSRem: sem.SRem, smt.OpAnd: sem.And, smt.OpOr: sem.Or, smt.OpXor: sem.Xor,
	smt.OpShl: sem.Shl, smt.OpLShr: sem.LShr, smt.OpAShr: sem.AShr}

// rebuild returns the term with x's root and other arguments.
func rebuild(b *smt.Builder, x smt.Term, args []smt.Term) smt.Term {
	w := b.Width(x)
	switch op := b.Op(x); op {
	case smt.OpNot:
		return b.Not(args[0])
	case smt.OpConcat:
		t := args[0]
		for _, a := range args[1:] {
			t = b.Concat(t, a)
		}
		return t
	case smt.OpExtract:
		hi, lo := b.Range(x)
		return b.Extract(args[0], hi, lo)
	case smt.OpSignExt:
		return b.Resize(args[0], b.Width(args[0]), w, true)
	case smt.OpIte:
		return b.Ite(args[0], args[1], args[2])
	case smt.OpEq:
		return b.Eq(args[0], args[1])
	case smt.OpULT:
		return b.Cmp(sem.ULT, b.Width(args[0]), args[0], args[1])
	case smt.OpSLT:
		return b.Cmp(sem.SLT, b.Width(args[0]), args[0], args[1])
	case smt.OpApply:
		return b.Apply(b.Symbol(x).Name, w, args...)
	default:
		t := args[0]
		for _, a := range args[1:] {
			t = bin(b, binOps[op], w, t, a)
		}
		return t
	}
}

// bin is Builder.Bin with more rules for division: by -1 the quotient is the
// negation, the least number included, and nothing is left; what an unsigned
// division by a constant leaves is what the quotient's product lacks; and a
// product with the right constant, shifted, is a quotient.
func bin(b *smt.Builder, op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term {
	c, ok := b.ConstValue(y)
	if !ok || w == 1 {
		return b.Bin(op, w, x, y)
	}
	switch {
	case op == sem.SDiv && c == w.Mask():
		return b.Bin(sem.Sub, w, b.Const(w, 0), x)
	case op == sem.SRem && c == w.Mask():
		return b.Const(w, 0)
	case op == sem.URem && c > 1 && c&(c-1) != 0:
		return b.Bin(sem.Sub, w, x, b.Bin(sem.Mul, w, b.Bin(sem.UDiv, w, x, y), y))
	case op == sem.LShr && w == ir.W64:
		if q, ok := quotient(b, x, c); ok {
			return q
		}
		if q, ok := wideQuotient(b, x, c); ok {
			return q
		}
	case op == sem.UDiv:
		if q, ok := nested(b, w, x, c); ok {
			return q
		}
	}
	return b.Bin(op, w, x, y)
}

// quotient returns x >> k as a division, where x is a number below 2^32 times a
// constant m that stands for 2^k/d: for e = m*d - 2^k from 0 on and n*e < 2^k for
// all n below 2^32, n*m/2^k is n/d plus less than 1/d, so its whole part is that of
// n/d (Granlund, Montgomery, "Division by invariant integers using
// multiplication", PLDI 1994, theorem 4.2). m below 2^32 keeps the product exact.
func quotient(b *smt.Builder, x smt.Term, k uint64) (q smt.Term, ok bool) {
	args := b.Args(x)
	if b.Op(x) != smt.OpMul || len(args) != 2 || k < 32 || k > 63 {
		return q, false
	}
	m, known := b.ConstValue(args[0])
	if !known || m == 0 {
		return q, false
	}
	for z := ir.Width(0); z < ir.W32; z++ { // normal form gives the product powers of two that x has
		if q, ok := quotientBy(b, b.Bin(sem.Shl, ir.W64, args[1], b.Const(ir.W64, uint64(z))), args[1], z, m>>z, k); ok || m>>z&1 != 0 {
			return q, ok
		}
	}
	return q, false
}

// quotientBy is quotient for x = n*m, n = y << z.
func quotientBy(b *smt.Builder, n, y smt.Term, z ir.Width, m, k uint64) (q smt.Term, ok bool) {
	upper, zero := b.ConstValue(b.Extract(y, 63, 32-z))
	if m > math.MaxUint32 || !zero || upper != 0 {
		return q, false
	}
	d := (1<<k-1)/m + 1 // the least with m*d >= 2^k
	over, e := bits.Mul64(m, d)
	if over != 0 || e < 1<<k || d < 2 || d > math.MaxUint32 {
		return q, false
	}
	if hi, lo := bits.Mul64(e-1<<k, math.MaxUint32); hi != 0 || lo >= 1<<k {
		return q, false
	}
	return b.Resize(b.Bin(sem.UDiv, ir.W32, b.Extract(n, 31, 0), b.Const(ir.W32, d)), ir.W32, ir.W64, false), true
}
