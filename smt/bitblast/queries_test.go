package bitblast

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// queries builds conditions that cannot hold: each says that an operator of an
// abstract domain loses a member. The formulas are those of the papers, so that
// the measurements do not move with our own operators.
type queries struct {
	b *smt.Builder
	w ir.Width
}

type tn struct{ v, m smt.Term }

func (q queries) bin(op sem.BinOp, x, y smt.Term) smt.Term { return q.b.Bin(op, q.w, x, y) }
func (q queries) k(x uint64) smt.Term                      { return q.b.Const(q.w, x) }
func (q queries) not(x smt.Term) smt.Term                  { return q.bin(sem.Xor, x, q.k(q.w.Mask())) }
func (q queries) and(x, y smt.Term) smt.Term               { return q.bin(sem.And, x, y) }
func (q queries) or(x, y smt.Term) smt.Term                { return q.bin(sem.Or, x, y) }
func (q queries) xor(x, y smt.Term) smt.Term               { return q.bin(sem.Xor, x, y) }
func (q queries) add(x, y smt.Term) smt.Term               { return q.bin(sem.Add, x, y) }
func (q queries) sub(x, y smt.Term) smt.Term               { return q.bin(sem.Sub, x, y) }
func (q queries) cmp(op sem.CmpOp, x, y smt.Term) smt.Term { return q.b.Cmp(op, q.w, x, y) }

// holds says that x is a member of a.
func (q queries) holds(a tn, x smt.Term) smt.Term { return q.b.Eq(q.and(x, q.not(a.m)), a.v) }

// tnum returns any valid tristate number and a member of it.
func (q queries) tnum(name string) (a tn, x, premise smt.Term) {
	a = tn{q.b.Var(name+".value", q.w), q.b.Var(name+".mask", q.w)}
	x = q.b.Var(name+".member", q.w)
	return a, x, q.b.And(q.b.Eq(q.and(a.v, a.m), q.k(0)), q.holds(a, x))
}

// addition is tnum_add (CGO 2022, listing 1).
func (q queries) addition() []smt.Term {
	a, x, p1 := q.tnum("a")
	b, y, p2 := q.tnum("b")
	sm, sv := q.add(a.m, b.m), q.add(a.v, b.v)
	sigma := q.add(sm, sv)
	chi := q.xor(sigma, sv)
	mu := q.or(q.or(chi, a.m), b.m)
	return []smt.Term{p1, p2, q.b.Not(q.holds(tn{q.and(sv, q.not(mu)), mu}, q.add(x, y)))}
}

// subtraction is tnum_sub (CGO 2022, listing 2).
func (q queries) subtraction() []smt.Term {
	a, x, p1 := q.tnum("a")
	b, y, p2 := q.tnum("b")
	dv := q.sub(a.v, b.v)
	alpha, beta := q.add(dv, a.m), q.sub(dv, b.m)
	mu := q.or(q.or(q.xor(alpha, beta), a.m), b.m)
	return []smt.Term{p1, p2, q.b.Not(q.holds(tn{q.and(dv, q.not(mu)), mu}, q.sub(x, y)))}
}

// step is one round of the multiplication loop of CGO 2022, listing 4: what it
// keeps is that x*y - s, the product that is still to be added, loses nothing.
func (q queries) step() []smt.Term {
	a, x, p1 := q.tnum("a")
	b, y, p2 := q.tnum("b")
	acc, s, p3 := q.tnum("acc")
	odd := q.b.Eq(q.and(x, q.k(1)), q.k(1))
	sum := func(c tn) tn {
		sm, sv := q.add(acc.m, c.m), q.add(acc.v, c.v)
		mu := q.or(q.or(q.xor(q.add(sm, sv), sv), acc.m), c.m)
		return tn{q.and(sv, q.not(mu)), mu}
	}
	ite := func(c smt.Term, x, y tn) tn { return tn{q.b.Ite(c, x.v, y.v), q.b.Ite(c, x.m, y.m)} }
	one, open := q.b.Eq(q.and(a.v, q.k(1)), q.k(1)), q.b.Eq(q.and(a.m, q.k(1)), q.k(1))
	next := ite(one, sum(b), ite(open, sum(tn{q.k(0), q.or(b.v, b.m)}), acc))
	return []smt.Term{p1, p2, p3, q.b.Not(q.holds(next, q.b.Ite(odd, q.add(s, y), s)))}
}

// shifter shifts right by a tristate number, one bit of the amount at a time.
func (q queries) shifter(op sem.BinOp) []smt.Term {
	a, x, p1 := q.tnum("a")
	n, y, p2 := q.tnum("n")
	r := a
	for bit := uint64(1); bit < uint64(q.w); bit *= 2 {
		moved := tn{q.bin(op, r.v, q.k(bit)), q.bin(op, r.m, q.k(bit))}
		mu := q.or(q.or(r.m, moved.m), q.xor(r.v, moved.v))
		joined := tn{q.and(r.v, q.not(mu)), mu}
		set := func(x smt.Term) smt.Term { return q.b.Not(q.b.Eq(q.and(x, q.k(bit)), q.k(0))) }
		r = tn{
			q.b.Ite(set(n.m), joined.v, q.b.Ite(set(n.v), moved.v, r.v)),
			q.b.Ite(set(n.m), joined.m, q.b.Ite(set(n.v), moved.m, r.m)),
		}
	}
	return []smt.Term{p1, p2, q.cmp(sem.ULT, y, q.k(uint64(q.w))), q.b.Not(q.holds(r, q.bin(op, x, y)))}
}

// fill sets all bits below the top one of x.
func (q queries) fill(x smt.Term) smt.Term {
	for n := uint64(1); n < uint64(q.w); n *= 2 {
		x = q.or(x, q.bin(sem.LShr, x, q.k(n)))
	}
	return x
}

// bounds is the smallest tristate number around a range (tnum_range).
func (q queries) bounds() []smt.Term {
	lo, hi, x := q.b.Var("lo", q.w), q.b.Var("hi", q.w), q.b.Var("x", q.w)
	mu := q.fill(q.xor(lo, hi))
	return []smt.Term{q.cmp(sem.ULE, lo, x), q.cmp(sem.ULE, x, hi), q.b.Not(q.holds(tn{q.and(lo, q.not(mu)), mu}, x))}
}

// interval adds unsigned and signed ranges, each given up where it may
// overflow (scalar_min_max_add).
func (q queries) interval() []smt.Term {
	b := q.b
	member := func(n string) (lo, hi, slo, shi, x, p smt.Term) {
		lo, hi, slo, shi, x = b.Var(n+".umin", q.w), b.Var(n+".umax", q.w), b.Var(n+".smin", q.w), b.Var(n+".smax", q.w), b.Var(n, q.w)
		return lo, hi, slo, shi, x, b.And(q.cmp(sem.ULE, lo, x), q.cmp(sem.ULE, x, hi), q.cmp(sem.SLE, slo, x), q.cmp(sem.SLE, x, shi))
	}
	l1, h1, sl1, sh1, x, p1 := member("x")
	l2, h2, sl2, sh2, y, p2 := member("y")
	over := q.cmp(sem.ULT, q.add(h1, h2), h1)
	lo, hi := b.Ite(over, q.k(0), q.add(l1, l2)), b.Ite(over, q.k(q.w.Mask()), q.add(h1, h2))
	wraps := func(x, y smt.Term) smt.Term {
		s := q.add(x, y)
		return q.cmp(sem.SLT, q.and(q.xor(x, s), q.xor(y, s)), q.k(0))
	}
	sover := b.Or(wraps(sl1, sl2), wraps(sh1, sh2))
	slo, shi := b.Ite(sover, q.k(q.w.SignBit()), q.add(sl1, sl2)), b.Ite(sover, q.k(q.w.SignBit()-1), q.add(sh1, sh2))
	s := q.add(x, y)
	return []smt.Term{p1, p2, b.Not(b.And(q.cmp(sem.ULE, lo, s), q.cmp(sem.ULE, s, hi), q.cmp(sem.SLE, slo, s), q.cmp(sem.SLE, s, shi)))}
}

// least is the least member of a tristate number that is not below lo, by
// which the lower end of a range is refined.
func (q queries) least() []smt.Term {
	a, x, p := q.tnum("a")
	lo := q.b.Var("lo", q.w)
	first := q.or(a.v, q.and(lo, a.m)) // agrees with lo where it can
	from := q.fill(q.xor(first, lo))   // from the first bit where it does not
	above := q.or(a.v, q.and(first, q.not(from)))
	below := q.or(a.v, q.and(q.add(q.or(q.or(first, q.not(a.m)), from), q.k(1)), a.m)) // the next one up, by a carry through what is fixed
	fit := q.b.Ite(q.cmp(sem.ULT, first, lo), below, above)
	return []smt.Term{p, q.cmp(sem.ULE, lo, x), q.b.Not(q.b.And(q.cmp(sem.ULE, fit, x), q.cmp(sem.ULE, lo, fit), q.holds(a, fit)))}
}

// carries relates a sum of three words to their carries.
func (q queries) carries() []smt.Term {
	x, y, z := q.b.Var("x", q.w), q.b.Var("y", q.w), q.b.Var("z", q.w)
	left := q.add(q.add(q.xor(q.xor(x, y), z), q.or(q.or(q.and(x, y), q.and(x, z)), q.and(y, z))), q.or(q.or(q.and(x, y), q.and(x, z)), q.and(y, z)))
	return []smt.Term{q.b.Not(q.b.Eq(left, q.add(q.add(x, y), z)))}
}

// division says that quotient and remainder bound each other.
func (q queries) division() []smt.Term {
	x, y := q.b.Var("x", q.w), q.b.Var("y", q.w)
	return []smt.Term{q.b.Not(q.b.Eq(y, q.k(0))), q.b.Not(q.b.And(
		q.cmp(sem.ULE, q.bin(sem.UDiv, x, y), x), q.cmp(sem.ULT, q.bin(sem.URem, x, y), y)))}
}

// square says that multiplication commutes with a sum taken apart.
func (q queries) square() []smt.Term {
	x, y := q.b.Var("x", q.w), q.b.Var("y", q.w)
	halves := q.add(q.and(x, q.k(0x5555555555555555)), q.and(x, q.k(0xaaaaaaaaaaaaaaaa)))
	return []smt.Term{q.b.Not(q.b.Eq(q.bin(sem.Mul, x, y), q.bin(sem.Mul, y, halves)))}
}

// named lists the queries; those on products and quotients are narrower.
func named(w ir.Width) []struct {
	name  string
	build func(b *smt.Builder) []smt.Term
} {
	at := func(w ir.Width, f func(queries) []smt.Term) func(b *smt.Builder) []smt.Term {
		return func(b *smt.Builder) []smt.Term { return f(queries{b, w}) }
	}
	small := min(w, 6)
	return []struct {
		name  string
		build func(b *smt.Builder) []smt.Term
	}{
		{"interval-add", at(w, queries.interval)},
		{"tnum-add", at(w, queries.addition)},
		{"tnum-sub", at(w, queries.subtraction)},
		{"tnum-range", at(w, queries.bounds)},
		{"tnum-least", at(w, queries.least)},
		{"tnum-mul-step", at(w, queries.step)},
		{"tnum-lsh", at(w, func(q queries) []smt.Term { return q.shifter(sem.Shl) })},
		{"tnum-rsh", at(w, func(q queries) []smt.Term { return q.shifter(sem.LShr) })},
		{"tnum-arsh", at(w, func(q queries) []smt.Term { return q.shifter(sem.AShr) })},
		{"carry-save", at(w, queries.carries)},
		{"division-8", at(min(w, 8), queries.division)},
		{"multiply-6", at(small, queries.square)},
	}
}
