package tnum

import "github.com/bpfproof/bpfproof/ir"

// MaxSplits bounds the splits of MulAnytime: 16 cases.
const MaxSplits = 4

// MulAnytime returns a * b modulo 2^w, the more precisely the more it may
// spend: with n splits, at most MaxSplits, it multiplies 2^n times as often as
// without. No result is less precise than Mul's, nor than that with fewer
// splits.
//
// Sound: every product it meets is. A split fixes an open bit of an operand;
// every pair of words lies in the case of its own bits, so the join of all
// cases has all products.
func MulAnytime(w ir.Width, a, b T, splits int) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	r := mulAll(w, a, b)
	for n := 1; n <= min(splits, MaxSplits) && r.Mask != 0; n++ {
		r = Meet(r, mulCases(w, a, b, n))
	}
	return r
}

// mulCases returns the join of the products of 2^n cases.
func mulCases(w ir.Width, a, b T, n int) T {
	bitsA, bitsB := splitBits(a, b, n)
	r := Bottom()
	for i := range 1 << MaxSplits {
		if i < 1<<n {
			k := uint64(i)
			x, k := fix(a, bitsA, k)
			y, _ := fix(b, bitsB, k)
			r = Join(r, mulAll(w, x, y))
		}
	}
	return r
}

// splitBits chooses n open bits of a and b together, fewer if there are not as
// many: the lowest of either, as a known low bit takes part in the most sums
// and carries. A heuristic: other choices may give more.
func splitBits(a, b T, n int) (bitsA, bitsB uint64) {
	restA, restB := a.Mask, b.Mask
	for i := range MaxSplits {
		if i >= n {
			break
		}
		lowA, lowB := restA&-restA, restB&-restB
		if lowA != 0 && (lowB == 0 || lowA <= lowB) {
			bitsA |= lowA
			restA ^= lowA
		} else {
			bitsB |= lowB
			restB ^= lowB
		}
	}
	return bitsA, bitsB
}

// fix gives the bits of a that which selects, open ones, the lowest bits of
// values in turn; it returns what is left of values.
func fix(a T, which, values uint64) (T, uint64) {
	for range MaxSplits {
		bit := which & -which
		if bit == 0 {
			break
		}
		a.Mask &^= bit
		a.Value |= bit & -(values & 1)
		which ^= bit
		values >>= 1
	}
	return a, values
}

// mulAll meets all products there are.
func mulAll(w ir.Width, a, b T) T {
	r := Mul(w, a, b)
	if r.Mask == 0 {
		return r
	}
	r = Meet(r, Meet(mulParts(w, a, b), mulParts(w, b, a)))
	return Meet(r, Meet(mulDown(w, a, b), mulDown(w, b, a)))
}

// mulParts multiplies as tnum_mul of Linux 5.14 to 6.17 does (CGO 2022, our_mul):
// the known part of a times that of b is known, and what open bits add is
// summed apart, all of it open.
//
// Sound (CGO 2022, theorem 8): the product is the sum over the bits of a of b
// shifted. A bit that is 1 adds b's value and its open part, one that is open
// adds any of b's bits or nothing.
func mulParts(w ir.Width, a, b T) T {
	known := a.Value * b.Value
	open := T{}
	for range 64 {
		if a.Value|a.Mask == 0 {
			break
		}
		if a.Value&1 != 0 {
			open = add(open, T{0, b.Mask})
		} else if a.Mask&1 != 0 {
			open = add(open, T{0, b.Max()})
		}
		a = T{a.Value >> 1, a.Mask >> 1}
		b = T{b.Value << 1, b.Mask << 1}
	}
	return truncate(w, add(T{known, 0}, open))
}

// mulDown multiplies from the highest bit of a down: twice what is there, and
// b where the bit is 1. Sums are formed in another order than in mulBy, so that
// other bits of them are known.
//
// Sound: before and after each step acc has the product of b and the bits of a
// above.
func mulDown(w ir.Width, a, b T) T {
	acc := T{}
	for i := range 64 {
		acc = T{acc.Value << 1, acc.Mask << 1}
		acc = choose(a, 1<<(63-i), acc, add(acc, b))
	}
	return truncate(w, acc)
}
