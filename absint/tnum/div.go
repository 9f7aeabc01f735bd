package tnum

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// UDiv returns a / y, all ones where y is 0 (sem.UDiv).
//
// Sound: a divisor that can be 0 adds the all-ones word; for the others see
// quotient.
func UDiv(w ir.Width, a, y T) T {
	return divideOr(a, y, Const(w, ^uint64(0)))
}

// divideOr returns a / y, and byZero where y is 0.
func divideOr(a, y, byZero T) T {
	if eitherBottom(a, y) {
		return Bottom()
	}
	if y.Value != 0 {
		return quotient(a, y)
	}
	if y.Mask == 0 {
		return byZero
	}
	return union(byZero, quotient(a, positive(y)))
}

// positive returns the best tnum of the words of y that are not 0; y has one.
//
// Only where a single bit is open does leaving out 0 make it known.
func positive(y T) T {
	if y.Value == 0 && y.Mask&(y.Mask-1) == 0 {
		return T{y.Mask, 0}
	}
	return y
}

// least returns the least word of y that is not 0; y has one.
func least(y T) uint64 {
	if y.Value != 0 {
		return y.Value
	}
	return y.Mask & -y.Mask
}

// quotient returns a / y for the words of y that are not 0.
//
// Sound: a power of two shifts. Otherwise division grows with a and falls with
// y, so every quotient lies between the extremes, and shares the leading bits
// that they share.
func quotient(a, y T) T {
	if y.Mask == 0 && y.Value&(y.Value-1) == 0 {
		k := bits.TrailingZeros64(y.Value)
		return T{a.Value >> k, a.Mask >> k}
	}
	return Range(a.Value/y.Max(), a.Max()/least(y))
}

// URem returns a % y, a where y is 0 (sem.URem).
//
// Sound: if every a is below every y, the remainder is a. Otherwise it is at
// most a and, unless y is 0, below y; and a multiple of y, hence of the power
// of two that divides every y, is taken off: a's bits below that stay.
func URem(a, y T) T {
	if eitherBottom(a, y) {
		return Bottom()
	}
	if y.Max() == 0 || y.Value != 0 && a.Max() < y.Value {
		return a
	}
	kept := y.Max()&-y.Max() - 1 // bits below the lowest possible bit of y
	r := T{a.Value & kept, a.Mask & kept}
	if y.Value == 0 {
		return union(a, remainder(a, positive(y), r, kept))
	}
	return remainder(a, y, r, kept)
}

// remainder bounds a % y for the words of y that are not 0; low holds the bits
// of the result that kept selects.
//
// Sound: the remainder is at most a and below y, and of one known divisor it
// grows with a as long as the quotient does not change.
func remainder(a, y, low T, kept uint64) T {
	if y.Mask == 0 && a.Value/y.Value == a.Max()/y.Value {
		return Meet(Range(a.Value%y.Value, a.Max()%y.Value), T{low.Value, low.Mask | ^kept})
	}
	limit := Range(0, min(a.Max(), y.Max()-1))
	return Meet(limit, T{low.Value, low.Mask | ^kept})
}

// SDiv returns a / y, both read signed, rounded towards zero (sem.SDiv: 1 or
// -1 where y is 0, the least word divided by -1 is itself).
//
// Sound: each operand is split by its sign, the magnitudes are divided, and
// the quotient is negated where the signs differ; the cases cover all words.
func SDiv(w ir.Width, a, y T) T { return signedDivide(w, a, y, Const(w, ^uint64(0))) }

// signedDivide is SDiv with the quotient of magnitudes by 0 given.
func signedDivide(w ir.Width, a, y, byZero T) T {
	ap, an := splitSign(w, a)
	yp, yn := splitSign(w, y)
	an, yn = Neg(w, an), Neg(w, yn)
	same := Join(divideOr(ap, yp, byZero), divideOr(an, yn, byZero))
	differ := Join(divideOr(ap, yn, byZero), divideOr(an, yp, byZero))
	return Join(same, Neg(w, differ))
}

// SRem returns a % y, both read signed, with the sign of a (sem.SRem).
//
// Sound: as SDiv; the remainder's magnitude is that of the magnitudes, and its
// sign is a's.
func SRem(w ir.Width, a, y T) T {
	ap, an := splitSign(w, a)
	yp, yn := splitSign(w, y)
	an, yn = Neg(w, an), Neg(w, yn)
	p := Join(URem(ap, yp), URem(ap, yn))
	n := Join(URem(an, yp), URem(an, yn))
	return Join(p, Neg(w, n))
}

// splitSign returns the words of a whose top bit is 0 and those where it is 1;
// either can be Bottom.
func splitSign(w ir.Width, a T) (p, n T) {
	sign := w.SignBit()
	return Meet(a, T{0, w.Mask() &^ sign}), Meet(a, T{sign, w.Mask() &^ sign})
}

// Div returns a / y as eBPF divides: 0 where y is 0. Sound as UDiv is.
func Div(a, y T) T { return divideOr(a, y, T{}) }

// SDivZero returns a / y read signed as eBPF divides: 0 where y is 0. Sound as
// SDiv is.
func SDivZero(w ir.Width, a, y T) T { return signedDivide(w, a, y, T{}) }
