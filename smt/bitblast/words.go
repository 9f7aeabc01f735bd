package bitblast

import "math/bits"

// word is a vector of bits, the lowest first.
type word []lit

// constant returns the word of the low w bits of x.
func constant(w int, x uint64) word {
	out := make(word, w)
	for i := range out {
		out[i] = lit(x >> i & 1)
	}
	return out
}

func (x word) not() word {
	out := make(word, len(x))
	for i := range x {
		out[i] = x[i].not()
	}
	return out
}

// shifted returns x times 2^n, of the same width.
func (x word) shifted(n int) word {
	out := make(word, len(x))
	copy(out[min(n, len(x)):], x)
	return out
}

func each(op func(x, y lit) lit, x, y word) word {
	out := make(word, len(x))
	for i := range x {
		out[i] = op(x[i], y[i])
	}
	return out
}

func (g *graph) choose(c lit, x, y word) word {
	out := make(word, len(x))
	for i := range x {
		out[i] = g.mux(c, x[i], y[i])
	}
	return out
}

// fullAdder returns the two bits of x + y + z.
func (g *graph) fullAdder(x, y, z lit) (sum, carry lit) {
	return g.xor(g.xor(x, y), z), g.maj(x, y, z)
}

// add returns x + y + carry, by a ripple of full adders. On operator proofs of
// tristate numbers a parallel-prefix adder takes twenty times as long, and
// carries by choice instead of majority half as long again.
func (g *graph) add(x, y word, carry lit) word {
	out := make(word, len(x))
	for i := range x {
		out[i], carry = g.fullAdder(x[i], y[i], carry)
	}
	return out
}

// neg returns -x if c, otherwise x.
func (g *graph) negIf(c lit, x word) word {
	out := make(word, len(x))
	carry := c
	for i := range x {
		b := g.xor(x[i], c)
		out[i], carry = g.xor(b, carry), g.and(b, carry)
	}
	return out
}

// sum returns the sum of the words and of the constant k. Small constants go
// into the carries.
func (g *graph) sum(w int, words []word, k uint64) word {
	k &= ^uint64(0) >> (64 - w)
	spare := uint64(max(len(words)-1, 0))
	if k > spare || len(words) == 0 {
		words = append(words, constant(w, k))
		k = 0
	}
	total := words[0]
	for _, x := range words[1:] {
		carry := no
		if k > 0 {
			carry, k = yes, k-1
		}
		total = g.add(total, x, carry)
	}
	return total
}

// digit is a term of a signed binary expansion: plus or minus 2^shift.
type digit struct {
	shift int
	minus bool
}

// digits returns the expansion of c modulo 2^w in which no two digits are
// neighbours; none has fewer digits (the canonical signed-digit form).
func digits(w int, c uint64) []digit {
	var out []digit
	x := int64(c<<(64-w)) >> (64 - w)
	for i := 0; x != 0 && i < w; i++ {
		if x&1 != 0 {
			minus := x&2 != 0
			out = append(out, digit{i, minus})
			if minus {
				x = x>>1 + 1 // (x+1)/2 without overflow
				continue
			}
		}
		x >>= 1
	}
	return out
}

// scaled returns words and a constant whose sum is c*x.
func scaled(w int, c uint64, x word) (words []word, k uint64) {
	for _, d := range digits(w, c) {
		s := x.shifted(d.shift)
		if d.minus {
			s, k = s.not(), k+1
		}
		words = append(words, s)
	}
	return words, k
}

// mul returns the low bits of x * y: rows of partial products, added one after
// the other.
func (g *graph) mul(x, y word) word {
	w := len(x)
	total := make(word, w)
	for i := range x {
		if x[i] == no {
			continue
		}
		row := make(word, w-i)
		for j := range row {
			row[j] = g.and(x[i], y[j])
		}
		copy(total[i:], g.add(total[i:], row, no))
	}
	return total
}

// divide returns quotient and remainder by long division; dividing by 0 gives
// all ones and x, as SMT-LIB has it.
func (g *graph) divide(x, y word) (q, r word) {
	w := len(x)
	q, r = make(word, w), make(word, w)
	// The divisor is more than rest's width has room for if one of its upper
	// bits is set: large[i] is "y has a bit at i or above".
	large := make(word, w+1)
	for i := w - 1; i >= 0; i-- {
		large[i] = g.or(large[i+1], y[i])
	}
	var rest word // what remains of the bits of x down to i; it has w-i bits
	for i := w - 1; i >= 0; i-- {
		rest = append(word{x[i]}, rest...)
		n := len(rest)
		difference, carry := make(word, n), yes
		for j := range rest {
			difference[j], carry = g.fullAdder(rest[j], y[j].not(), carry)
		}
		q[i] = g.and(carry, large[n].not())
		rest = g.choose(q[i], difference, rest)
	}
	copy(r, rest)
	return q, r
}

// less returns whether x is below y, unsigned: the borrow of x - y, a chain of
// majorities as carries are, so that sums and orders of the same words share
// gates.
func (g *graph) less(x, y word) lit {
	borrow := no
	for i := range x {
		borrow = g.maj(x[i], y[i].not(), borrow.not()).not()
	}
	return borrow
}

// signedLess returns whether x is below y, signed.
func (g *graph) signedLess(x, y word) lit {
	top := len(x) - 1
	flip := func(v word) word { return append(v[:top:top], v[top].not()) }
	return g.less(flip(x), flip(y))
}

// equal returns whether all bits agree.
func (g *graph) equal(x, y word) lit {
	out := yes
	for i := range x {
		out = g.and(out, g.xor(x[i], y[i]).not())
	}
	return out
}

// shift returns x shifted by y, to the left or right, with fill in the place
// of bits from outside: one stage for every bit of the amount that matters.
func (g *graph) shift(x, y word, left bool, fill lit) word {
	w := len(x)
	stages := bits.Len(uint(w - 1))
	for s := range stages {
		moved := make(word, w)
		for i := range moved {
			from := i + 1<<s
			if left {
				from = i - 1<<s
			}
			moved[i] = fill
			if from >= 0 && from < w {
				moved[i] = x[from]
			}
		}
		x = g.choose(y[s], moved, x)
	}
	far := no
	for _, b := range y[min(stages, w):] {
		far = g.or(far, b)
	}
	out := make(word, w)
	for i := range out {
		out[i] = g.mux(far, fill, x[i])
	}
	return out
}
