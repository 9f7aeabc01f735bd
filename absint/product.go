package absint

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Pair is an element of a product: it stands for the words that both A and B
// stand for. If either is Bottom, both are.
type Pair[A, B comparable] struct {
	A A
	B B
}

// String prints both elements.
func (p Pair[A, B]) String() string { return fmt.Sprintf("%v %v", p.A, p.B) }

// Reduction lets each element of a pair learn from the other: it returns
// elements that stand for at least the words that both stand for, and for no
// others than they did before. A result with one Bottom means that no word is
// left. It is given valid elements that are not Bottom.
type Reduction[A, B comparable] func(w ir.Width, a A, b B) (A, B)

// ProductDomain is the reduced product of two domains; see [Product].
type ProductDomain[A, B comparable] struct {
	a      Domain[A]
	b      Domain[B]
	aOps   Operators[A]
	bOps   Operators[B]
	reduce Reduction[A, B]
	bottom Pair[A, B]
}

// Product returns the product of two domains, reduced by reduce, which can be
// nil, after every operation but Join and Widen: a reduction after these could
// leave the join below its operands, and an ascending chain without end. The
// parts need not be [Operators]; those that are not [Bounder] do not take part
// in Bounds.
//
// Sound: a word that both parts stand for is taken by each part's operation
// into its result, so the result is in both; the reduction loses none.
func Product[A, B comparable](a Domain[A], b Domain[B], reduce Reduction[A, B]) *ProductDomain[A, B] {
	if reduce == nil {
		reduce = func(_ ir.Width, a A, b B) (A, B) { return a, b }
	}
	return &ProductDomain[A, B]{a: a, b: b, aOps: OperatorsOf(a), bOps: OperatorsOf(b), reduce: reduce,
		bottom: Pair[A, B]{a.Bottom(), b.Bottom()}}
}

// smash makes both parts Bottom if one is, and reduces them otherwise.
func (d *ProductDomain[A, B]) smash(w ir.Width, a A, b B) Pair[A, B] {
	if a == d.bottom.A || b == d.bottom.B {
		return d.bottom
	}
	a, b = d.reduce(w, a, b)
	if a == d.bottom.A || b == d.bottom.B {
		return d.bottom
	}
	return Pair[A, B]{a, b}
}

// Bottom stands for no word.
func (d *ProductDomain[A, B]) Bottom() Pair[A, B] { return d.bottom }

// Top stands for all w-bit words.
func (d *ProductDomain[A, B]) Top(w ir.Width) Pair[A, B] { return Pair[A, B]{d.a.Top(w), d.b.Top(w)} }

// Leq asks both parts.
func (d *ProductDomain[A, B]) Leq(w ir.Width, x, y Pair[A, B]) bool {
	return d.a.Leq(w, x.A, y.A) && d.b.Leq(w, x.B, y.B)
}

// Join joins both parts.
func (d *ProductDomain[A, B]) Join(w ir.Width, x, y Pair[A, B]) Pair[A, B] {
	return Pair[A, B]{d.a.Join(w, x.A, y.A), d.b.Join(w, x.B, y.B)}
}

// Meet meets both parts.
func (d *ProductDomain[A, B]) Meet(w ir.Width, x, y Pair[A, B]) Pair[A, B] {
	return d.smash(w, d.a.Meet(w, x.A, y.A), d.b.Meet(w, x.B, y.B))
}

// Widen widens both parts, each of which can grow only finitely often.
func (d *ProductDomain[A, B]) Widen(w ir.Width, prev, next Pair[A, B]) Pair[A, B] {
	return Pair[A, B]{d.a.Widen(w, prev.A, next.A), d.b.Widen(w, prev.B, next.B)}
}

// Const is the low w bits of x.
func (d *ProductDomain[A, B]) Const(w ir.Width, x uint64) Pair[A, B] {
	return Pair[A, B]{d.a.Const(w, x), d.b.Const(w, x)}
}

// Bin operates on both parts.
func (d *ProductDomain[A, B]) Bin(op sem.BinOp, w ir.Width, x, y Pair[A, B]) Pair[A, B] {
	return d.smash(w, d.a.Bin(op, w, x.A, y.A), d.b.Bin(op, w, x.B, y.B))
}

// Cmp compares both parts.
func (d *ProductDomain[A, B]) Cmp(op sem.CmpOp, w ir.Width, x, y Pair[A, B]) Pair[A, B] {
	return d.smash(ir.W1, d.a.Cmp(op, w, x.A, y.A), d.b.Cmp(op, w, x.B, y.B))
}

// Ite chooses in both parts. It is not reduced, as the width is not known.
func (d *ProductDomain[A, B]) Ite(c, x, y Pair[A, B]) Pair[A, B] {
	p := Pair[A, B]{d.a.Ite(c.A, x.A, y.A), d.b.Ite(c.B, x.B, y.B)}
	if p.A == d.bottom.A || p.B == d.bottom.B {
		return d.bottom
	}
	return p
}

// Resize truncates or extends both parts.
func (d *ProductDomain[A, B]) Resize(x Pair[A, B], from, to ir.Width, signed bool) Pair[A, B] {
	return d.smash(to, d.a.Resize(x.A, from, to, signed), d.b.Resize(x.B, from, to, signed))
}

// Contains asks both parts.
func (d *ProductDomain[A, B]) Contains(w ir.Width, e Pair[A, B], x uint64) bool {
	return d.a.Contains(w, e.A, x) && d.b.Contains(w, e.B, x)
}

// Refine refines both parts, and reduces both operands.
func (d *ProductDomain[A, B]) Refine(op sem.CmpOp, w ir.Width, x, y Pair[A, B]) (Pair[A, B], Pair[A, B]) {
	xa, ya := d.a.Refine(op, w, x.A, y.A)
	xb, yb := d.b.Refine(op, w, x.B, y.B)
	x, y = d.smash(w, xa, xb), d.smash(w, ya, yb)
	if x == d.bottom || y == d.bottom {
		return d.bottom, d.bottom
	}
	return x, y
}

// ALU operates on both parts, by their own operators where they have them.
func (d *ProductDomain[A, B]) ALU(op ir.ALUOp, w ir.Width, x, y Pair[A, B]) Pair[A, B] {
	return d.smash(w, d.aOps.ALU(op, w, x.A, y.A), d.bOps.ALU(op, w, x.B, y.B))
}

// Swap converts both parts, by their own operators where they have them.
func (d *ProductDomain[A, B]) Swap(op ir.SwapOp, w ir.Width, x Pair[A, B]) Pair[A, B] {
	return d.smash(ir.W64, d.aOps.Swap(op, w, x.A), d.bOps.Swap(op, w, x.B))
}

// Bounds returns what both parts' bounds enclose; a part that has none leaves
// them to the other.
func (d *ProductDomain[A, B]) Bounds(w ir.Width, e Pair[A, B]) Bounds {
	r := WidthBounds(w)
	if own, ok := d.a.(Bounder[A]); ok {
		r = r.Meet(own.Bounds(w, e.A))
	}
	if own, ok := d.b.(Bounder[B]); ok {
		r = r.Meet(own.Bounds(w, e.B))
	}
	return r
}

// RefineLow refines both parts, by their own operators where they have them.
func (d *ProductDomain[A, B]) RefineLow(w, n ir.Width, e, low Pair[A, B]) Pair[A, B] {
	return d.smash(w, RefineLow(d.a, w, n, e.A, low.A), RefineLow(d.b, w, n, e.B, low.B))
}

// Valid reports that both parts are, as far as they can tell, and that neither
// is Bottom alone.
func (d *ProductDomain[A, B]) Valid(w ir.Width, e Pair[A, B]) bool {
	if (e.A == d.bottom.A) != (e.B == d.bottom.B) {
		return false
	}
	if own, ok := d.a.(Validator[A]); ok && !own.Valid(w, e.A) {
		return false
	}
	own, ok := d.b.(Validator[B])
	return !ok || own.Valid(w, e.B)
}
