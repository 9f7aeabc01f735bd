package soundness

import (
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// arithmetic leaves products and quotients of 64-bit words open: each is an
// uninterpreted function, of which only instances of the lemmas are known.
// Words of fewer bits are extended with zeros first.
type arithmetic struct {
	logic[smt.Term]
	b         *smt.Builder
	products  []*openProduct
	quotients []*openQuotient
	facts     []smt.Term
	// numbers, unless nil, gives products and quotients of numbers their values,
	// where contracts are held to runs of the source.
	numbers func(name string, x, y uint64) uint64
}

func (r *arithmetic) apply(name string, x, y smt.Term) smt.Term {
	p, known := r.b.ConstValue(x)
	q, both := r.b.ConstValue(y)
	if known && both && r.numbers != nil {
		return r.k(r.numbers(name, p, q))
	}
	return r.b.Apply(name, ir.W64, x, y)
}

// openProduct is a product in use; sem marks those that the meaning of the
// operation has, and not only the domain's source.
type openProduct struct {
	product[smt.Term]
	sem   bool
	quiet bool // only what contracts say is known of it
}

type openQuotient struct {
	quotient[smt.Term]
	sem bool
}

func newArithmetic(b *smt.Builder) *arithmetic {
	return &arithmetic{logic: logic[smt.Term]{b, ir.W64}, b: b}
}

// used reports whether anything has been left open.
func (r *arithmetic) used() bool { return len(r.products)+len(r.quotients) > 0 }

// multiply returns the product of two words of 64 bits, whose order does not
// matter.
func (r *arithmetic) multiply(x, y smt.Term, sem bool) *openProduct {
	for _, p := range r.products {
		if p.x == x && p.y == y || p.x == y && p.y == x {
			p.sem, p.quiet = p.sem || sem, false
			return p
		}
	}
	p := &openProduct{product: product[smt.Term]{x, y, r.apply("mulhi", x, y), r.apply("mul", x, y)}, sem: sem}
	r.products = append(r.products, p)
	return p
}

// quietly returns a product x * y that a contract speaks of.
func (r *arithmetic) quietly(x, y smt.Term) product[smt.Term] {
	n := len(r.products)
	for _, p := range r.products {
		if p.x == x && p.y == y || p.x == y && p.y == x {
			return product[smt.Term]{x, y, p.hi, p.lo}
		}
	}
	r.multiply(x, y, false)
	r.products[n].quiet = true
	return r.products[n].product
}

func (r *arithmetic) divide(x, y smt.Term, sem bool) *openQuotient {
	for _, q := range r.quotients {
		if q.x == x && q.y == y {
			q.sem = q.sem || sem
			return q
		}
	}
	q := &openQuotient{quotient[smt.Term]{x, y, r.apply("div", x, y), r.apply("mod", x, y)}, sem}
	r.quotients = append(r.quotients, q)
	return q
}

// bin returns a product or quotient of w-bit words; ok is false for other
// operations, and where both words are known.
func (r *arithmetic) bin(op sem.BinOp, w ir.Width, x, y smt.Term, inSem bool) (t smt.Term, ok bool) {
	_, knownX := r.b.ConstValue(x)
	_, knownY := r.b.ConstValue(y)
	if knownX && knownY || w == ir.W1 {
		return smt.Term{}, false
	}
	wide := func(t smt.Term) smt.Term { return r.b.Resize(t, w, ir.W64, false) }
	narrow := func(t smt.Term) smt.Term { return r.b.Resize(t, ir.W64, w, false) }
	l := logic[smt.Term]{r.b, w}
	unsigned := func(x, y smt.Term) (q, rest smt.Term) {
		d, zero := r.divide(wide(x), wide(y), inSem), l.isZero(y)
		return l.choose(zero, l.k(w.Mask()), narrow(d.q)), l.choose(zero, x, narrow(d.r))
	}
	switch op {
	case sem.Mul:
		return narrow(r.multiply(wide(x), wide(y), inSem).lo), true
	case sem.UDiv:
		t, _ = unsigned(x, y)
	case sem.URem:
		_, t = unsigned(x, y)
	case sem.SDiv:
		t, _ = l.signed(x, y, unsigned)
	case sem.SRem:
		_, t = l.signed(x, y, unsigned)
	default:
		return smt.Term{}, false
	}
	return t, true
}

// know adds an instance of a lemma.
func (r *arithmetic) know(t smt.Term) { r.facts = append(r.facts, t) }

// instances returns what is known: lemmas about single products and quotients,
// and about pairs of which one belongs to the meaning of the operation or that
// the source has made one after the other, as the bounds of a range are.
func (r *arithmetic) instances() []smt.Term {
	multiplies := slices.ContainsFunc(r.products, func(p *openProduct) bool { return !p.sem && !p.quiet })
	for _, q := range r.quotients {
		r.know(r.divBounds(q.quotient))
		r.know(r.divLowest(q.quotient))
		if q.sem || multiplies {
			r.know(r.divEuclid(q.quotient, r.multiply(q.q, q.y, q.sem).product))
		}
	}
	for i, d := range r.quotients {
		for j, e := range r.quotients {
			if i != j && (d.sem || e.sem || i+1 == j || j+1 == i) {
				r.know(r.divOrder(d.quotient, e.quotient))
				if i < j {
					r.know(r.divSame(d.quotient, e.quotient))
				}
			}
		}
	}
	loud := slices.DeleteFunc(slices.Clone(r.products), func(p *openProduct) bool { return p.quiet })
	for i, p := range loud {
		turned := product[smt.Term]{p.y, p.x, p.hi, p.lo}
		half := r.k(1<<32 - 1) // factors that fit in half a word do not overflow
		r.know(r.mulOrder(p.product, product[smt.Term]{half, half, r.k(0), r.k((1<<32 - 1) * (1<<32 - 1))}))
		r.know(r.mulLowest(p.product))
		r.know(r.mulLowest(turned))
		for j, q := range loud {
			if i != j && (p.sem || q.sem || i+1 == j || j+1 == i) {
				r.know(r.mulOrder(p.product, q.product))
				r.know(r.mulOrder(turned, q.product))
			}
		}
	}
	return r.facts
}

// open is the algebra of terms with products and quotients left open.
type open struct {
	*smt.Builder
	r *arithmetic
}

func (o open) Bin(op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term {
	if t, ok := o.r.bin(op, w, x, y, true); ok {
		return t
	}
	return o.Builder.Bin(op, w, x, y)
}

// Lemma is a fact about products or quotients that proofs rest on.
type Lemma struct{ Name, Text string }

// Assumptions lists all that proofs assume beyond the meaning of words: lemmas
// about products and quotients, which are proved in docs/trust.md. Contracts
// are no assumptions, as each is proved of its function.
func Assumptions() []Lemma {
	return []Lemma{
		{"mul.commutes", "x * y = y * x, in both words of the product"},
		{"mul.halve", "x * y = (y if x is odd, else 0) + (x / 2) * 2y, modulo 2^w"},
		{"mul.order", "x <= x' and y <= y' imply x * y <= x' * y', in both words"},
		{"mul.lowest", "x * y is a multiple of the lowest set bit of x, 0 if x is; if x = 2^k it is y << k, modulo 2^w"},
		{"mul.negate", "(-x) * y = -(x * y), modulo 2^w"},
		{"mul.low", "the low n bits of x * y depend on those of x and y only"},
		{"div.euclid", "x = (x / y) * y + x % y without overflow, and x % y < y, for y > 0"},
		{"div.bounds", "for y > 0: x / y <= x; x % y <= x; x / y = 0 and x % y = x if and only if x < y, else x % y <= (x - 1) / 2; x / 1 = x; x / y <= x / 2 for y > 1"},
		{"div.order", "x <= x' and y >= y' > 0 imply x / y <= x' / y'"},
		{"div.same", "x / y = x' / y, y > 0, imply x - x % y = x' - x' % y"},
		{"div.lowest", "x % y agrees with x below the lowest set bit of y > 0; if y = 2^k, x / y = x >> k and x % y = x & (y - 1)"},
		{"div.signed", "signed quotients and remainders are those of the magnitudes, negated where the signs differ, or x is negative"},
	}
}

// describe names a lemma for messages.
func (l Lemma) String() string { return fmt.Sprintf("%-13s %s", l.Name, l.Text) }
