package smt

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// The polynomial normal form: a word is a constant plus a sum of coefficients
// times products of atoms, modulo 2^w. Sums beyond these sizes keep operands
// whole, as atoms: the form is then not unique, but still right.
const (
	maxMonomials = 64 // in a sum
	maxProduct   = 16 // in a product of two sums
	maxDegree    = 8  // atoms in a product
)

// monomial is coef times base, where base is an atom or a product of atoms.
type monomial struct {
	coef uint64
	base Term
}

// poly is k plus the sum of ms, modulo 2^w.
type poly struct {
	w  ir.Width
	k  uint64
	ms []monomial
}

// scratch returns an empty polynomial over the Builder's buffer; done gives
// the buffer back. Calls nest: an inner one gets a buffer of its own.
func (b *Builder) scratch(w ir.Width) poly {
	ms := b.monos[:0]
	b.monos = nil
	return poly{w: w, ms: ms}
}

func (b *Builder) done(p poly) {
	if cap(p.ms) > cap(b.monos) {
		b.monos = p.ms[:0]
	}
}

// add returns x + c*y.
func (b *Builder) add(w ir.Width, x, y Term, c uint64) Term {
	p := b.scratch(w)
	b.accumulate(&p, x, 1)
	b.accumulate(&p, y, c)
	if p.normalise(); len(p.ms) > maxMonomials {
		p.k, p.ms = 0, p.ms[:0]
		b.accumulateMonomial(&p, x, 1)
		b.accumulateMonomial(&p, y, c)
		p.normalise()
	}
	t := b.sum(p)
	b.done(p)
	return t
}

// accumulate adds c*t to p, which is then no longer in order.
func (b *Builder) accumulate(p *poly, t Term, c uint64) {
	switch n := b.at(t); n.op {
	case OpConst:
		p.k += c * n.val
	case OpAdd:
		for _, a := range b.Args(t) {
			b.accumulateMonomial(p, a, c)
		}
	case OpNot: // ~x = -1 - x
		p.k -= c
		b.accumulate(p, b.Args(t)[0], -c)
	default:
		b.accumulateMonomial(p, t, c)
	}
}

// accumulateMonomial adds c*t to p, taking sums for atoms.
func (b *Builder) accumulateMonomial(p *poly, t Term, c uint64) {
	args := b.Args(t)
	switch b.at(t).op {
	case OpConst:
		p.k += c * b.at(t).val
		return
	case OpMul:
		if v, ok := b.ConstValue(args[0]); ok {
			c, t = c*v, args[1]
			if len(args) > 2 {
				t = b.node(OpMul, p.w, 0, slices.Clone(args[1:])...)
			}
		}
	case OpConcat:
		// concat(rest, 0...0) = 2^z * concat(0...0, rest)
		last := b.at(args[len(args)-1])
		if z := min(ir.Width(bits.TrailingZeros64(last.val)), last.w); last.op == OpConst && z > 0 {
			c, t = c<<z, b.concat(b.Const(z, 0), b.Extract(t, p.w-1, z))
		}
	}
	p.ms = append(p.ms, monomial{c, t})
}

// normalise sorts by base, adds up equal bases and drops zeros.
func (p *poly) normalise() {
	m := p.w.Mask()
	p.k &= m
	slices.SortFunc(p.ms, func(x, y monomial) int { return cmp.Compare(x.base.id, y.base.id) })
	out := p.ms[:0]
	for _, x := range p.ms {
		if len(out) > 0 && out[len(out)-1].base == x.base {
			out[len(out)-1].coef += x.coef
			continue
		}
		if len(out) > 0 && out[len(out)-1].coef&m == 0 {
			out = out[:len(out)-1]
		}
		out = append(out, x)
	}
	if len(out) > 0 && out[len(out)-1].coef&m == 0 {
		out = out[:len(out)-1]
	}
	for i := range out {
		out[i].coef &= m
	}
	p.ms = out
}

// sum returns the term of a polynomial in normal form.
func (b *Builder) sum(p poly) Term {
	m := p.w.Mask()
	switch {
	case len(p.ms) == 0:
		return b.Const(p.w, p.k)
	case len(p.ms) == 1 && p.k == 0:
		return b.product(p.w, p.ms[0].coef, p.ms[0].base)
	case len(p.ms) == 1 && p.k == m && p.ms[0].coef == m:
		return b.node(OpNot, p.w, 0, p.ms[0].base)
	}
	args := make([]Term, 0, len(p.ms)+1)
	for _, x := range p.ms {
		t := b.product(p.w, x.coef, x.base)
		if v, ok := b.ConstValue(t); ok { // known bits can tell where the form cannot
			p.k = (p.k + v) & m
			continue
		}
		args = append(args, t)
	}
	switch {
	case p.k != 0:
		args = append(args, b.Const(p.w, p.k))
	case len(args) == 0:
		return b.Const(p.w, 0)
	}
	if len(args) == 1 {
		return args[0]
	}
	return b.node(OpAdd, p.w, 0, args...)
}

// product returns coef times base.
func (b *Builder) product(w ir.Width, coef uint64, base Term) Term {
	if coef == 1 {
		return base
	}
	if coef&(coef-1) == 0 { // a power of two; the shift loses nothing if zeros go out
		z := ir.Width(bits.TrailingZeros64(coef))
		if b.Op(base) == OpConcat && b.leadingZeros(base) >= z {
			return b.concat(b.Extract(base, w-z-1, 0), b.Const(z, 0))
		}
	}
	args := append([]Term{b.Const(w, coef)}, b.atoms(base)...)
	return b.node(OpMul, w, 0, args...)
}

// atoms returns the factors of a base.
func (b *Builder) atoms(base Term) []Term {
	if b.Op(base) == OpMul {
		return b.Args(base)
	}
	return []Term{base}
}

// mul returns x * y.
func (b *Builder) mul(w ir.Width, x, y Term) Term {
	if v, ok := b.ConstValue(x); ok {
		return b.add(w, b.Const(w, 0), y, v)
	}
	if v, ok := b.ConstValue(y); ok {
		return b.add(w, b.Const(w, 0), x, v)
	}
	px, py := b.polynomial(w, x), b.polynomial(w, y)
	if px.size()*py.size() > maxProduct || b.degree(px)+b.degree(py) > maxDegree {
		px, py = b.whole(px, x), b.whole(py, y)
	}
	r := b.multiply(px, py)
	r.normalise()
	return b.sum(r)
}

// multiply returns the product of two polynomials, not in order.
func (b *Builder) multiply(px, py poly) poly {
	r := poly{w: px.w, k: px.k * py.k}
	for _, m := range px.ms {
		r.ms = append(r.ms, monomial{m.coef * py.k, m.base})
	}
	for _, m := range py.ms {
		r.ms = append(r.ms, monomial{m.coef * px.k, m.base})
	}
	for _, m := range px.ms {
		for _, n := range py.ms {
			b.accumulateRing(&r, m.coef*n.coef, append(slices.Clone(b.atoms(m.base)), b.atoms(n.base)...))
		}
	}
	return r
}

// polynomial returns t in normal form, in memory of its own.
func (b *Builder) polynomial(w ir.Width, t Term) poly {
	p := poly{w: w}
	b.accumulate(&p, t, 1)
	p.normalise()
	return p
}

// whole makes a sum into one atom, and leaves single monomials.
func (b *Builder) whole(p poly, t Term) poly {
	if p.size() > 1 {
		return poly{w: p.w, ms: []monomial{{1, t}}}
	}
	return p
}

func (p poly) size() int {
	if p.k != 0 {
		return len(p.ms) + 1
	}
	return len(p.ms)
}

func (b *Builder) degree(p poly) int {
	d := 0
	for _, m := range p.ms {
		d = max(d, len(b.atoms(m.base)))
	}
	return d
}

// accumulateRing adds coef times the product of atoms, two or more, to p. Where
// an atom is the upper part x >> z of a word x and 2^z divides the coefficient,
// it is written as what that comes to, x - (x mod 2^z): so a step of a
// shift-and-add multiplication, (x&1)*y + (x>>1)*(y<<1), is x*y.
func (b *Builder) accumulateRing(p *poly, coef uint64, atoms []Term) {
	coef &= p.w.Mask()
	if coef == 0 {
		return
	}
	for i, a := range atoms {
		x, z, ok := b.upperPart(p.w, a)
		if !ok || ir.Width(bits.TrailingZeros64(coef)) < z {
			continue
		}
		rest := slices.Delete(slices.Clone(atoms), i, i+1)
		b.accumulateTimes(p, coef>>z, x, rest)
		b.accumulateTimes(p, -(coef >> z), b.concat(b.Const(p.w-z, 0), b.Extract(x, z-1, 0)), rest)
		return
	}
	slices.SortFunc(atoms, func(x, y Term) int { return cmp.Compare(x.id, y.id) })
	t := b.node(OpMul, p.w, 0, atoms...)
	if v, ok := b.ConstValue(t); ok {
		p.k += coef * v
		return
	}
	p.ms = append(p.ms, monomial{coef, t})
}

// accumulateTimes adds coef * x * rest to p, where x need not be an atom.
func (b *Builder) accumulateTimes(p *poly, coef uint64, x Term, rest []Term) {
	q := b.polynomial(p.w, x)
	switch {
	case len(q.ms) == 0: // x is constant
		coef *= q.k
	case q.size() == 1:
		coef, rest = coef*q.ms[0].coef, append(slices.Clone(b.atoms(q.ms[0].base)), rest...)
	default:
		rest = append([]Term{x}, rest...)
	}
	if len(rest) > 1 {
		b.accumulateRing(p, coef, rest)
	} else {
		p.ms = append(p.ms, monomial{coef, rest[0]})
	}
}

// upperPart reports whether t is x >> z for a word x of the same width.
func (b *Builder) upperPart(w ir.Width, t Term) (x Term, z ir.Width, ok bool) {
	if b.Op(t) != OpConcat || len(b.Args(t)) != 2 {
		return Term{}, 0, false
	}
	top, rest := b.Args(t)[0], b.Args(t)[1]
	if v, isConst := b.ConstValue(top); !isConst || v != 0 || b.Op(rest) != OpExtract {
		return Term{}, 0, false
	}
	hi, lo := b.Range(rest)
	x = b.Args(rest)[0]
	return x, lo, b.Width(x) == w && hi == w-1
}
