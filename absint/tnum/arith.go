package tnum

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// Add returns a + b modulo 2^w. It is optimal (CGO 2022, theorem 1).
//
// Sound: a bit of the sum varies only if an operand's bit is unknown or the
// carry into it varies. Carries grow with the operands, so one varies only
// where the sum of the least words and that of the greatest have different
// ones; their xor shows those.
func Add(w ir.Width, a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	return truncate(w, add(a, b))
}

// add is Add at 64 bits for tnums that are not Bottom.
func add(a, b T) T {
	least := a.Value + b.Value
	greatest := least + a.Mask + b.Mask
	mask := (least ^ greatest) | a.Mask | b.Mask
	return T{least &^ mask, mask}
}

// Sub returns a - b modulo 2^w. It is optimal (CGO 2022, theorem 2).
//
// Sound: as for Add, with borrows, which are extreme in a's greatest word less
// b's least, and in a's least less b's greatest.
func Sub(w ir.Width, a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	d := a.Value - b.Value
	mask := ((d + a.Mask) ^ (d - b.Mask)) | a.Mask | b.Mask
	return truncate(w, T{d &^ mask, mask})
}

// Neg returns -a modulo 2^w. It is optimal, as Sub is.
func Neg(w ir.Width, a T) T { return Sub(w, T{}, a) }

// Mul returns a * b modulo 2^w. It is at least as precise as tnum_mul of Linux
// 6.18, which takes one order of the operands.
//
// Sound: both orders of the operands give a tnum that contains the product,
// and so does the range between the products of the extremes if the greatest
// does not overflow; so it is in the meet of all three.
func Mul(w ir.Width, a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	if a.Mask|b.Mask == 0 {
		return Const(w, a.Value*b.Value)
	}
	m := decided(w.Mask(), a, b)
	r := Meet(mulBy(m, a, b), mulBy(m, b, a))
	r = T{r.Value, r.Mask | w.Mask()&^m}
	if high, greatest := bits.Mul64(a.Max(), b.Max()); high == 0 && greatest <= w.Mask() {
		return Meet(r, Range(a.Value*b.Value, greatest))
	}
	return r
}

// decided returns the low bits of the product that may be known, as a mask:
// if an operand is unknown from bit i on and the other is a multiple of 2^k,
// none from bit i+k on is. That loses nothing: adding multiples of 2^i to the
// one operand gives, times an odd multiple of 2^k, all multiples of 2^(i+k).
func decided(m uint64, a, b T) uint64 {
	openA, openB := m&^below(m&^a.Mask), m&^below(m&^b.Mask)
	lowA, lowB := a.Max()&-a.Max(), b.Max()&-b.Max()
	if openA != 0 {
		m &= (openA&-openA)*lowB - 1
	}
	if openB != 0 {
		m &= (openB&-openB)*lowA - 1
	}
	return m
}

// mulBy returns the bits of a * b that the low mask m selects, by shifting and
// adding over the bits of a, as tnum_mul of Linux 6.18 does; an unknown bit
// gives the union of the sum with and without the shifted b.
//
// Sound: before and after each step, x*y = s + p*q modulo 2^64 for some s in
// acc, p in a and q in b: where p's low bit is 1, q is added to s; then p is
// halved and q doubled. The loop may stop early: what is still to come is a
// multiple of the lowest bit that b can have, and acc knows nothing from there.
func mulBy(m uint64, a, b T) T {
	acc := T{}
	ahead := -(b.Max() & -b.Max()) & m
	for a.Value|a.Mask != 0 && ahead&^acc.Mask != 0 {
		if (a.Value|a.Mask)&1 != 0 {
			sum := add(acc, b)
			mask := sum.Mask | (sum.Value^acc.Value)&-(a.Mask&1) // the union, as sum.Mask covers acc.Mask
			acc = T{sum.Value &^ mask, mask}
		}
		a = T{a.Value >> 1, a.Mask >> 1}
		b = T{b.Value << 1, b.Mask << 1}
		ahead = ahead << 1 & m
	}
	return T{acc.Value & m, acc.Mask & m}
}

// truncate returns the low w bits of a tnum that is not Bottom.
func truncate(w ir.Width, a T) T { return T{a.Value & w.Mask(), a.Mask & w.Mask()} }
