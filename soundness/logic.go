package soundness

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// logic writes statements about words of one width, for a solver or to be
// computed: over terms or over numbers.
type logic[V any] struct {
	a sem.Algebra[V]
	w ir.Width
}

func (l logic[V]) k(x uint64) V               { return l.a.Const(l.w, x) }
func (l logic[V]) bin(op sem.BinOp, x, y V) V { return l.a.Bin(op, l.w, x, y) }
func (l logic[V]) add(x, y V) V               { return l.bin(sem.Add, x, y) }
func (l logic[V]) sub(x, y V) V               { return l.bin(sem.Sub, x, y) }
func (l logic[V]) both(x, y V) V              { return l.bin(sem.And, x, y) }
func (l logic[V]) shl(x, k V) V               { return l.bin(sem.Shl, x, k) }
func (l logic[V]) shr(x, k V) V               { return l.bin(sem.LShr, x, k) }
func (l logic[V]) eq(x, y V) V                { return l.a.Cmp(sem.EQ, l.w, x, y) }
func (l logic[V]) le(x, y V) V                { return l.a.Cmp(sem.ULE, l.w, x, y) }
func (l logic[V]) lt(x, y V) V                { return l.a.Cmp(sem.ULT, l.w, x, y) }
func (l logic[V]) not(x V) V                  { return l.a.Bin(sem.Xor, ir.W1, x, l.a.Const(ir.W1, 1)) }
func (l logic[V]) or(x, y V) V                { return l.a.Bin(sem.Or, ir.W1, x, y) }
func (l logic[V]) implies(x, y V) V           { return l.or(l.not(x), y) }
func (l logic[V]) choose(c, x, y V) V         { return l.a.Ite(c, x, y) }
func (l logic[V]) isZero(x V) V               { return l.eq(x, l.k(0)) }
func (l logic[V]) neg(x V) V                  { return l.sub(l.k(0), x) }
func (l logic[V]) lowest(x V) V               { return l.both(x, l.neg(x)) }
func (l logic[V]) belowLowest(x V) V          { return l.sub(l.lowest(x), l.k(1)) }
func (l logic[V]) lexLE(hi, lo, hi2, lo2 V) V {
	return l.or(l.lt(hi, hi2), l.and(l.eq(hi, hi2), l.le(lo, lo2)))
}
func (l logic[V]) isPower(x V) V { return l.and(l.not(l.isZero(x)), l.eq(x, l.lowest(x))) }

func (l logic[V]) and(xs ...V) V {
	r := l.a.Const(ir.W1, 1)
	for _, x := range xs {
		r = l.a.Bin(sem.And, ir.W1, r, x)
	}
	return r
}

// log2 returns k of a power 2^k: bit j of k is set if the power is one of
// those bits whose number has bit j set.
func (l logic[V]) log2(power V) V {
	k := l.k(0)
	for j := ir.Width(0); 1<<j < l.w; j++ {
		m := uint64(0)
		for i := range l.w {
			m |= uint64(i>>j&1) << i
		}
		k = l.bin(sem.Or, k, l.choose(l.isZero(l.both(power, l.k(m))), l.k(0), l.k(1<<j)))
	}
	return k
}

// product is x * y in two words; the lower one is the product modulo 2^w.
type product[V any] struct{ x, y, hi, lo V }

// quotient is x / y and x % y; where y is 0, nothing is said of q and r.
type quotient[V any] struct{ x, y, q, r V }

// The lemmas. Each is true of all words of any width; docs/trust.md proves
// them on paper, and the tests compute them for all words of 8 bits.

// mulHalve: x * y = (x odd: y, else 0) + (x/2) * 2y modulo 2^w; h is the latter.
func (l logic[V]) mulHalve(p, h product[V]) V {
	one := l.k(1)
	first := l.choose(l.isZero(l.both(p.x, one)), l.k(0), p.y)
	given := l.and(l.eq(h.x, l.shr(p.x, one)), l.eq(h.y, l.shl(p.y, one)))
	return l.implies(given, l.eq(p.lo, l.add(first, h.lo)))
}

// mulOrder: the whole product grows with both factors.
func (l logic[V]) mulOrder(p, q product[V]) V {
	return l.implies(l.and(l.le(p.x, q.x), l.le(p.y, q.y)), l.lexLE(p.hi, p.lo, q.hi, q.lo))
}

// mulLowest: the product is a multiple of the lowest set bit of x, and of all
// powers of two if x is 0; if x is 2^k, it is y shifted by k.
func (l logic[V]) mulLowest(p product[V]) V {
	multiple := l.isZero(l.both(p.lo, l.belowLowest(p.x)))
	return l.and(multiple, l.implies(l.isPower(p.x), l.eq(p.lo, l.shl(p.y, l.log2(p.x)))))
}

// mulNegate: (-x) * y = -(x * y) modulo 2^w; n is the former.
func (l logic[V]) mulNegate(p, n product[V]) V {
	return l.implies(l.and(l.eq(n.x, l.neg(p.x)), l.eq(n.y, p.y)), l.eq(n.lo, l.neg(p.lo)))
}

// mulLow: the low bits of a product, those of a mask 2^n-1, depend on the low
// bits of the factors only.
func (l logic[V]) mulLow(p, q product[V], mask V) V {
	same := func(x, y V) V { return l.eq(l.both(x, mask), l.both(y, mask)) }
	return l.implies(l.and(same(p.x, q.x), same(p.y, q.y)), same(p.lo, q.lo))
}

// divEuclid: x = q*y + r without overflow, r < y; p is q*y.
func (l logic[V]) divEuclid(d quotient[V], p product[V]) V {
	given := l.and(l.not(l.isZero(d.y)), l.eq(p.x, d.q), l.eq(p.y, d.y))
	return l.implies(given, l.and(l.eq(p.lo, l.sub(d.x, d.r)), l.isZero(p.hi), l.lt(d.r, d.y)))
}

// divBounds: q and r are at most x, r < y; q is 0 if and only if x < y, and
// then r is x, otherwise r is below half of x; a divisor of 1 gives x and 0, a
// greater one at most half of x.
func (l logic[V]) divBounds(d quotient[V]) V {
	one := l.k(1)
	half := l.shr(d.x, one)
	small := l.lt(d.x, d.y)
	return l.implies(l.not(l.isZero(d.y)), l.and(
		l.le(d.q, d.x), l.le(d.r, d.x), l.lt(d.r, d.y),
		l.a.Cmp(sem.EQ, ir.W1, small, l.isZero(d.q)), l.implies(small, l.eq(d.r, d.x)),
		l.or(small, l.le(d.r, l.shr(l.sub(d.x, one), one))),
		l.implies(l.eq(d.y, one), l.and(l.eq(d.q, d.x), l.isZero(d.r))),
		l.or(l.eq(d.y, one), l.le(d.q, half))))
}

// divOrder: the quotient grows with x and falls with y.
func (l logic[V]) divOrder(d, e quotient[V]) V {
	given := l.and(l.not(l.isZero(e.y)), l.le(d.x, e.x), l.le(e.y, d.y))
	return l.implies(given, l.le(d.q, e.q))
}

// divSame: with one divisor and one quotient, remainders differ as dividends do.
func (l logic[V]) divSame(d, e quotient[V]) V {
	given := l.and(l.not(l.isZero(d.y)), l.eq(d.y, e.y), l.eq(d.q, e.q))
	return l.implies(given, l.eq(l.sub(d.x, d.r), l.sub(e.x, e.r)))
}

// divLowest: the remainder agrees with x in the bits below the lowest set bit
// of y; a power of two shifts and masks.
func (l logic[V]) divLowest(d quotient[V]) V {
	kept := l.belowLowest(d.y)
	agree := l.isZero(l.both(l.bin(sem.Xor, d.x, d.r), kept))
	shifts := l.and(l.eq(d.q, l.shr(d.x, l.log2(d.y))), l.eq(d.r, l.both(d.x, kept)))
	return l.implies(l.not(l.isZero(d.y)), l.and(agree, l.implies(l.isPower(d.y), shifts)))
}

// signed returns the quotient and the remainder of two words read signed, by
// those of their magnitudes: the quotient is negated where the signs differ,
// the remainder where x is negative. divide is the unsigned division; by 0 it
// gives all ones, and the dividend as remainder.
func (l logic[V]) signed(x, y V, divide func(x, y V) (q, r V)) (q, r V) {
	negX, negY := l.a.Cmp(sem.SLT, l.w, x, l.k(0)), l.a.Cmp(sem.SLT, l.w, y, l.k(0))
	q, r = divide(l.choose(negX, l.neg(x), x), l.choose(negY, l.neg(y), y))
	differ := l.a.Bin(sem.Xor, ir.W1, negX, negY)
	return l.choose(differ, l.neg(q), q), l.choose(negX, l.neg(r), r)
}
