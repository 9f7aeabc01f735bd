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

// Mul returns a * b modulo 2^w.
//
// Sound: both orders of the operands give a tnum that contains the product, so
// it is in the meet of both.
func Mul(w ir.Width, a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	if a.IsConst() && b.IsConst() {
		return Const(w, a.Value*b.Value)
	}
	if a.IsConst() {
		return mulBy(w, a, b)
	}
	if b.IsConst() {
		return mulBy(w, b, a)
	}
	return Meet(mulBy(w, a, b), mulBy(w, b, a))
}

// mulBy returns a * b modulo 2^w by shifting and adding over the bits of a, as
// tnum_mul of Linux 6.18 does; an unknown bit gives the union of the sum with
// and without the shifted b.
//
// Sound: before and after each step, x*y = s + p*q for some s in acc, p in a
// and q in b: where p's low bit is 1, q is added to s; then p is halved and q
// doubled. The loop may stop early: what is still to come is a multiple of
// the lowest bit that b can have, and acc knows nothing from that bit on.
func mulBy(w ir.Width, a, b T) T {
	acc := T{}
	for a.Value|a.Mask != 0 {
		k := bits.TrailingZeros64(a.Value | a.Mask)
		a = T{a.Value >> k, a.Mask >> k}
		b = T{b.Value << k, b.Mask << k}
		if possible := (b.Value | b.Mask) & w.Mask(); -(possible&-possible)&w.Mask()&^acc.Mask == 0 {
			break
		}
		sum := add(acc, b)
		if a.Mask&1 != 0 {
			sum = union(acc, sum)
		}
		acc = sum
		a = T{a.Value &^ 1, a.Mask &^ 1}
	}
	return truncate(w, acc)
}

// truncate returns the low w bits of a tnum that is not Bottom.
func truncate(w ir.Width, a T) T { return T{a.Value & w.Mask(), a.Mask & w.Mask()} }
