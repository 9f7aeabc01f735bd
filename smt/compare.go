package smt

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// eq returns x == y.
func (b *Builder) eq(w ir.Width, x, y Term) Term {
	if x == y {
		return b.Bool(true)
	}
	if w == ir.W1 {
		return b.Not(b.bitwise(OpXor, ir.W1, x, y))
	}
	kx, ky := b.nodes[x.id].known, b.nodes[y.id].known
	if kx.one&ky.zero|kx.zero&ky.one != 0 { // some bit differs
		return b.Bool(false)
	}
	if b.isSum(x) || b.isSum(y) {
		x, y = b.balance(w, x, y)
		kx, ky = b.nodes[x.id].known, b.nodes[y.id].known
		if x == y || kx.one&ky.zero|kx.zero&ky.one != 0 {
			return b.Bool(x == y)
		}
	}
	if b.Op(x) == OpConst || b.Op(y) != OpConst && x.id > y.id {
		x, y = y, x // a constant goes right, otherwise the older term left
	}
	if t, ok := b.eqParts(x, y); ok {
		return t
	}
	if t, ok := b.eqShape(w, x, y); ok {
		return t
	}
	return b.node(OpEq, ir.W1, 0, x, y)
}

func (b *Builder) isSum(t Term) bool {
	op := b.Op(t)
	return op == OpAdd || op == OpMul || op == OpNot
}

// balance returns l and r such that x == y exactly if l == r, the same for
// every x and y with the same difference up to sign: what the sides share is
// gone, small coefficients are left, negated large ones right.
func (b *Builder) balance(w ir.Width, x, y Term) (l, r Term) {
	d := b.polynomial(w, x)
	b.accumulate(&d, y, w.Mask())
	d.normalise()
	if len(d.ms) > maxMonomials {
		return x, y
	}
	if len(d.ms) == 0 {
		return b.Const(w, d.k), b.Const(w, 0)
	}
	first := d.ms[0].coef
	if first&1 == 1 && len(d.ms) == 1 { // c*m + k == 0 exactly if m == -k/c
		return d.ms[0].base, b.Const(w, -d.k*inverse(first))
	}
	if first > w.SignBit() {
		d.k = -d.k & w.Mask()
		for i := range d.ms {
			d.ms[i].coef = -d.ms[i].coef & w.Mask()
		}
	}
	left, right := poly{w: w}, poly{w: w, k: -d.k & w.Mask()}
	for _, m := range d.ms {
		if m.coef <= w.SignBit() {
			left.ms = append(left.ms, m)
			continue
		}
		right.ms = append(right.ms, monomial{-m.coef & w.Mask(), m.base})
	}
	return b.sum(left), b.sum(right)
}

// inverse returns the inverse of an odd number modulo 2^64, by Newton's
// iteration: each step doubles the number of right bits, from 3.
func inverse(c uint64) uint64 {
	x := c
	for range 5 {
		x *= 2 - c*x
	}
	return x
}

// eqParts compares concatenations part by part, where that makes smaller
// words.
func (b *Builder) eqParts(x, y Term) (Term, bool) {
	px, py := b.parts(x), b.parts(y)
	if len(px) == 1 && len(py) == 1 || b.Op(y) != OpConst && b.Op(y) != OpConcat {
		return Term{}, false
	}
	cuts := b.boundaries(px) | b.boundaries(py)
	all, hi := b.Bool(true), b.Width(x)-1
	for {
		lo := ir.Width(bits.Len64(cuts&(hi+1).Mask()) - 1)
		all = b.And(all, b.Eq(b.Extract(x, hi, lo), b.Extract(y, hi, lo)))
		if lo == 0 {
			return all, true
		}
		hi = lo - 1
	}
}

func (b *Builder) parts(t Term) []Term {
	if b.Op(t) == OpConcat {
		return b.Args(t)
	}
	return []Term{t}
}

// boundaries returns the set of the lowest bits of the parts.
func (b *Builder) boundaries(parts []Term) uint64 {
	set, at := uint64(0), ir.Width(0)
	for i := len(parts) - 1; i >= 0; i-- {
		set |= 1 << at
		at += b.Width(parts[i])
	}
	return set
}

// eqShape compares sign extensions and choices of constants.
func (b *Builder) eqShape(w ir.Width, x, y Term) (Term, bool) {
	ax, ay := b.Args(x), b.Args(y)
	v, isConst := b.ConstValue(y)
	switch {
	case b.Op(x) == OpSignExt && b.Op(y) == OpSignExt && b.Width(ax[0]) == b.Width(ay[0]):
		return b.Eq(ax[0], ay[0]), true
	case b.Op(x) == OpSignExt && isConst:
		n := b.Width(ax[0])
		if uint64(n.SignExtend(v))&w.Mask() != v {
			return b.Bool(false), true
		}
		return b.Eq(ax[0], b.Const(n, v)), true
	case b.Op(x) == OpIte && isConst:
		vx, xConst := b.ConstValue(ax[1])
		vy, yConst := b.ConstValue(ax[2])
		if xConst && yConst { // they differ
			switch v {
			case vx:
				return ax[0], true
			case vy:
				return b.Not(ax[0]), true
			}
			return b.Bool(false), true
		}
	}
	return Term{}, false
}

// ult returns x < y, unsigned.
func (b *Builder) ult(w ir.Width, x, y Term) Term {
	if w == ir.W1 {
		return b.And(b.Not(x), y)
	}
	kx, ky := b.nodes[x.id].known, b.nodes[y.id].known
	switch {
	case x == y || kx.one >= ky.greatest(w):
		return b.Bool(false)
	case kx.greatest(w) < ky.one:
		return b.Bool(true)
	}
	if v, ok := b.ConstValue(x); ok { // v < ones, or y is at most v
		return b.Not(b.ult(w, y, b.Const(w, v+1)))
	}
	if v, ok := b.ConstValue(y); ok && v == 1 {
		return b.eq(w, x, b.Const(w, 0))
	} else if ok && v == w.Mask() {
		return b.Not(b.eq(w, x, y))
	}
	if n := b.sharedTop(x, y); n > 0 {
		return b.ult(w-n, b.Extract(x, w-n-1, 0), b.Extract(y, w-n-1, 0))
	}
	return b.node(OpULT, ir.W1, 0, x, y)
}

// sharedTop returns how many bits at the top x and y share as one part, short
// of all.
func (b *Builder) sharedTop(x, y Term) ir.Width {
	if b.Op(x) == OpConcat && b.Args(x)[0] == b.parts(y)[0] {
		return b.Width(b.Args(x)[0])
	}
	w := b.Width(x)
	kx, ky := b.nodes[x.id].known, b.nodes[y.id].known
	same := kx.zero&ky.zero | kx.one&ky.one
	return min(w-1, ir.Width(bits.LeadingZeros64(^(same << (64 - w)))))
}

// slt returns x < y, signed.
func (b *Builder) slt(w ir.Width, x, y Term) Term {
	if w == ir.W1 {
		return b.And(x, b.Not(y)) // a set bit is -1
	}
	if x == y {
		return b.Bool(false)
	}
	kx, ky, sign := b.nodes[x.id].known, b.nodes[y.id].known, w.SignBit()
	decided := (kx.zero|kx.one)&(ky.zero|ky.one)&sign != 0
	if decided && (kx.one^ky.one)&sign != 0 {
		return b.Bool(kx.one&sign != 0)
	}
	if decided { // of one sign, the order is the unsigned one
		return b.ult(w, x, y)
	}
	if v, ok := b.ConstValue(x); ok {
		if v == sign-1 {
			return b.Bool(false)
		}
		return b.Not(b.slt(w, y, b.Const(w, v+1)))
	}
	if v, ok := b.ConstValue(y); ok {
		switch v {
		case 0:
			return b.Extract(x, w-1, w-1)
		case sign:
			return b.Bool(false)
		}
	}
	if b.Op(x) == OpSignExt {
		if t, ok := b.sltExt(w, x, y); ok {
			return t
		}
	}
	return b.node(OpSLT, ir.W1, 0, x, y)
}

// sltExt compares a sign extension with another, or with a constant.
func (b *Builder) sltExt(w ir.Width, x, y Term) (Term, bool) {
	n := b.Width(b.Args(x)[0])
	if v, ok := b.ConstValue(y); ok {
		s := w.SignExtend(v)
		switch {
		case s > int64(n.SignBit()-1):
			return b.Bool(true), true
		case s <= n.SignExtend(n.SignBit()):
			return b.Bool(false), true
		}
		return b.slt(n, b.Args(x)[0], b.Const(n, v)), true
	}
	if b.Op(y) == OpSignExt && b.Width(b.Args(y)[0]) == n {
		return b.slt(n, b.Args(x)[0], b.Args(y)[0]), true
	}
	return Term{}, false
}
