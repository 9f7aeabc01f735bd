package tnum

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// And returns a & b. It is optimal: bits are independent, and a result bit is
// 1 where both are known to be, open where both can be.
func And(a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	ones := a.Value & b.Value
	return T{ones, a.Max() & b.Max() &^ ones}
}

// Or returns a | b. It is optimal: bits are independent, and a result bit is 1
// where either is known to be, open where neither is but either can be.
func Or(a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	ones := a.Value | b.Value
	return T{ones, (a.Mask | b.Mask) &^ ones}
}

// Xor returns a ^ b. It is optimal: bits are independent, and a result bit is
// known where both are.
func Xor(a, b T) T {
	if eitherBottom(a, b) {
		return Bottom()
	}
	mask := a.Mask | b.Mask
	return T{(a.Value ^ b.Value) &^ mask, mask}
}

// shifts below are done bit by bit of the amount, which need not be known: a
// bit that is 1 shifts by its weight, one that is open joins both cases. As
// shifting works on each bit alone, joining between the steps loses nothing
// against joining the results of all amounts.

// Shl returns a << y modulo 2^w, 0 if y >= w. It is optimal.
//
// Sound: each step contains the word shifted by the bits of y seen so far;
// weights of 64 and more leave no bit.
func Shl(w ir.Width, a, y T) T {
	if eitherBottom(a, y) {
		return Bottom()
	}
	for i := range 6 {
		a = choose(y, 1<<i, a, T{a.Value << (1 << i), a.Mask << (1 << i)})
	}
	return truncate(w, chooseWide(y, a, T{}))
}

// LShr returns a >> y filled with zeros. It is optimal; sound as Shl is.
func LShr(a, y T) T {
	if eitherBottom(a, y) {
		return Bottom()
	}
	for i := range 6 {
		a = choose(y, 1<<i, a, T{a.Value >> (1 << i), a.Mask >> (1 << i)})
	}
	return chooseWide(y, a, T{})
}

// AShr returns a >> y filled with the top bit of the w-bit a. It is optimal.
//
// Sound: as LShr, on a extended to 64 bits; an unknown top bit is copied as
// unknown.
func AShr(w ir.Width, a, y T) T {
	if eitherBottom(a, y) {
		return Bottom()
	}
	a = signExtend(w, a)
	for i := range 6 {
		a = choose(y, 1<<i, a, ashr(a, 1<<i))
	}
	return truncate(w, chooseWide(y, a, ashr(a, 63)))
}

// ashr shifts a 64-bit tnum by a known amount: value and mask each copy their
// top bit, so that a known sign stays known and an open one open.
func ashr(a T, n int) T { return T{uint64(int64(a.Value) >> n), uint64(int64(a.Mask) >> n)} }

// choose returns yes where the given bit of y is 1, no where it is 0, and the
// union of both where it is open.
func choose(y T, bit uint64, no, yes T) T {
	if y.Value&bit != 0 {
		return yes
	}
	if y.Mask&bit != 0 {
		return union(no, yes)
	}
	return no
}

// chooseWide is choose for the bits of weight 64 and more taken together.
func chooseWide(y T, no, yes T) T {
	if y.Value >= 64 {
		return yes
	}
	if y.Mask >= 64 {
		return union(no, yes)
	}
	return no
}

// signExtend copies the top bit of a w-bit tnum, not Bottom, up to bit 63.
func signExtend(w ir.Width, a T) T {
	return T{uint64(w.SignExtend(a.Value)), uint64(w.SignExtend(a.Mask))}
}

// Resize truncates or extends a from one width to another. It is optimal:
// each result bit is a bit of a, a copy of its top bit, or 0.
func Resize(a T, from, to ir.Width, signed bool) T {
	if a.IsBottom() {
		return a
	}
	if signed && to > from {
		a = signExtend(from, a)
	}
	return truncate(to, a)
}

// Swap returns the byte order conversion of the low w bits of the 64-bit a
// (sem.Swap). It is optimal: each result bit is a bit of a, or 0.
func Swap(op ir.SwapOp, w ir.Width, a T) T {
	if a.IsBottom() {
		return a
	}
	if op == ir.ToLE {
		return truncate(w, a)
	}
	return T{bits.ReverseBytes64(a.Value) >> (64 - w), bits.ReverseBytes64(a.Mask) >> (64 - w)}
}
