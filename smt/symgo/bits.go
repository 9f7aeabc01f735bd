package symgo

import (
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// bits runs a function of package math/bits.
func (a *activation) bits(fn *ssa.Function, args []Value) []Value {
	c := circuits{a.m.b, a.m.bin}
	x := args[0].(Word).Term
	w := a.m.b.Width(x)
	number := func(t smt.Term) []Value {
		return []Value{Word{a.m.b.Resize(t, a.m.b.Width(t), ir.W64, false), true}}
	}
	word := func(ts ...smt.Term) (vs []Value) {
		for _, t := range ts {
			vs = append(vs, Word{t, false})
		}
		return vs
	}
	arg := func(i int) smt.Term { return args[i].(Word).Term }
	switch strings.TrimRight(fn.Name(), "0123456789") {
	case "LeadingZeros":
		return number(c.leadingZeros(w, x))
	case "TrailingZeros":
		return number(c.leadingZeros(w, c.reverse(w, x, 1)))
	case "Len":
		n := c.leadingZeros(w, x)
		return number(a.m.sub(ir.W8, a.m.b.Const(ir.W8, uint64(w)), n))
	case "OnesCount":
		return number(c.onesCount(w, x))
	case "Reverse":
		return word(c.reverse(w, x, 1))
	case "ReverseBytes":
		return word(c.reverse(w, x, 8))
	case "RotateLeft":
		return word(c.rotate(w, x, arg(1)))
	case "Add":
		return word(c.add(w, x, arg(1), arg(2)))
	case "Sub":
		return word(c.subtract(w, x, arg(1), arg(2)))
	case "Mul":
		if a.m.mulHigh != nil {
			if hi, ok := a.m.mulHigh(w, x, arg(1)); ok {
				return word(hi, a.m.bin(sem.Mul, w, x, arg(1)))
			}
		}
		return word(c.multiply(w, x, arg(1)))
	}
	a.fail("call of "+fn.String(), "outside the subset")
	return nil
}

// circuits makes terms for operations that Builders do not have.
type circuits struct {
	b   *smt.Builder
	bin func(op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term // for the product
}

// leadingZeros returns the number of zeros before the first 1 of a word of a
// width that is a power of two, in 8 bits: by halving, whose outcomes are the
// bits of the result.
func (c circuits) leadingZeros(w ir.Width, x smt.Term) smt.Term {
	b := c.b
	n, rest := smt.Term{}, x
	for half := w / 2; half >= 1; half /= 2 {
		size := b.Width(rest)
		hi, lo := b.Extract(rest, size-1, half), b.Extract(rest, half-1, 0)
		none := b.Eq(hi, b.Const(half, 0))
		rest = b.Ite(none, lo, hi)
		if n.Valid() {
			n = b.Concat(n, none)
		} else {
			n = none
		}
	}
	digits := b.Width(n)
	n = b.Resize(n, digits, ir.W8, false)
	return b.Ite(b.Eq(x, b.Const(w, 0)), b.Const(ir.W8, uint64(w)), n)
}

// onesCount returns the number of ones in 8 bits: sums of neighbours.
func (c circuits) onesCount(w ir.Width, x smt.Term) smt.Term {
	b := c.b
	var parts []smt.Term
	for i := range w {
		parts = append(parts, b.Resize(b.Extract(x, i, i), 1, ir.W8, false))
	}
	for len(parts) > 1 {
		for i := range len(parts) / 2 {
			parts[i] = b.Bin(sem.Add, ir.W8, parts[2*i], parts[2*i+1])
		}
		parts = parts[:len(parts)/2]
	}
	return parts[0]
}

// reverse returns the groups of n bits in opposite order.
func (c circuits) reverse(w ir.Width, x smt.Term, n ir.Width) smt.Term {
	r := c.b.Extract(x, n-1, 0)
	for i := n; i < w; i += n {
		r = c.b.Concat(r, c.b.Extract(x, i+n-1, i))
	}
	return r
}

// rotate rotates left by the low bits of k, which is signed: rotating right by
// n is rotating left by -n.
func (c circuits) rotate(w ir.Width, x, k smt.Term) smt.Term {
	b := c.b
	n := b.Bin(sem.And, w, b.Resize(k, ir.W64, w, false), b.Const(w, uint64(w-1)))
	left := b.Bin(sem.Shl, w, x, n)
	back := b.Bin(sem.Sub, w, b.Const(w, uint64(w)), n)
	return b.Bin(sem.Or, w, left, b.Bin(sem.LShr, w, x, back))
}

// add returns sum and carry, as the package defines them for any carry: the
// carry out is that of the top bit.
func (c circuits) add(w ir.Width, x, y, carry smt.Term) (sum, out smt.Term) {
	b := c.b
	sum = b.Bin(sem.Add, w, b.Bin(sem.Add, w, x, y), carry)
	both, either := b.Bin(sem.And, w, x, y), b.Bin(sem.Or, w, x, y)
	top := b.Bin(sem.Or, w, both, b.Bin(sem.And, w, either, b.Not(sum)))
	return sum, b.Resize(b.Extract(top, w-1, w-1), 1, w, false)
}

// subtract returns difference and borrow.
func (c circuits) subtract(w ir.Width, x, y, borrow smt.Term) (diff, out smt.Term) {
	b := c.b
	diff = b.Bin(sem.Sub, w, b.Bin(sem.Sub, w, x, y), borrow)
	less := b.Bin(sem.And, w, b.Not(x), y)
	same := b.Bin(sem.And, w, b.Not(b.Bin(sem.Xor, w, x, y)), diff)
	top := b.Bin(sem.Or, w, less, same)
	return diff, b.Resize(b.Extract(top, w-1, w-1), 1, w, false)
}

// multiply returns both words of a product, from products of half words.
func (c circuits) multiply(w ir.Width, x, y smt.Term) (hi, lo smt.Term) {
	b, h := c.b, w/2
	half := func(t smt.Term, i ir.Width) smt.Term { return b.Resize(b.Extract(t, i+h-1, i), h, w, false) }
	mul := func(s, t smt.Term) smt.Term { return b.Bin(sem.Mul, w, s, t) }
	add := func(s, t smt.Term) smt.Term { return b.Bin(sem.Add, w, s, t) }
	x0, x1, y0, y1 := half(x, 0), half(x, h), half(y, 0), half(y, h)
	low := mul(x0, y0)
	t := add(mul(x1, y0), half(low, h))
	u := add(half(t, 0), mul(x0, y1))
	return add(add(mul(x1, y1), half(t, h)), half(u, h)), c.bin(sem.Mul, w, x, y)
}
