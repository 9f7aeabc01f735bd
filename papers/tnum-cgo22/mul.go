package tnumcgo22

import (
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
)

// add is the tnum addition at 64 bits of package tnum, of tnums that are not
// Bottom.
func add(a, b tnum.T) tnum.T { return tnum.Add(ir.W64, a, b) }

// Kern multiplies as Linux 4.17 to 5.13 did (kern_mul of the paper): the
// product of the known parts, to which every bit that b can have adds a's open
// bits shifted, and every known bit of a those of b. Which of the two factors of
// a partial product is walked through matters: other sums are formed.
func Kern(a, b tnum.T) tnum.T {
	acc := tnum.T{Value: a.Value * b.Value}
	acc = addMasked(acc, b.Max(), a.Mask)
	return addMasked(acc, a.Value, b.Mask)
}

// addMasked adds to acc, for every bit of which, any word within bits shifted
// by its place.
func addMasked(acc tnum.T, which, bits uint64) tnum.T {
	for ; which != 0; which >>= 1 {
		if which&1 != 0 {
			acc = add(acc, tnum.T{Mask: bits})
		}
		bits <<= 1
	}
	return acc
}

// Our multiplies as the paper proposes (our_mul), and Linux 5.14 to 6.17 did:
// the product of the known parts, plus the sum of all that is open.
func Our(a, b tnum.T) tnum.T {
	known, open := a.Value*b.Value, tnum.T{}
	for ; a.Value|a.Mask != 0; a = half(a) {
		if a.Value&1 != 0 {
			open = add(open, tnum.T{Mask: b.Mask})
		} else if a.Mask&1 != 0 {
			open = add(open, tnum.T{Mask: b.Max()})
		}
		b = twice(b)
	}
	return add(tnum.T{Value: known}, open)
}

// Bitwise multiplies bit by bit (bitwise_mul of the paper, after Regehr and
// Duongsaa): b shifted where a's bit is 1, and where it is open b shifted with
// all bits open that can be 1.
func Bitwise(a, b tnum.T) tnum.T {
	acc := tnum.T{}
	for ; a.Value|a.Mask != 0; a = half(a) {
		if a.Value&1 != 0 {
			acc = add(acc, b)
		} else if a.Mask&1 != 0 {
			acc = add(acc, tnum.T{Mask: b.Max()})
		}
		b = twice(b)
	}
	return acc
}

// Linux618 multiplies as Linux 6.18 does: bit by bit of a, joining the sums
// with and without b where the bit is open.
func Linux618(a, b tnum.T) tnum.T {
	acc := tnum.T{}
	for ; a.Value|a.Mask != 0; a = half(a) {
		if a.Value&1 != 0 {
			acc = add(acc, b)
		} else if a.Mask&1 != 0 {
			acc = tnum.Join(acc, add(acc, b))
		}
		b = twice(b)
	}
	return acc
}

func half(a tnum.T) tnum.T { return tnum.T{Value: a.Value >> 1, Mask: a.Mask >> 1} }

func twice(a tnum.T) tnum.T { return tnum.T{Value: a.Value << 1, Mask: a.Mask << 1} }

// low returns the low n bits of a.
func low(a tnum.T, n ir.Width) tnum.T {
	return tnum.T{Value: a.Value & n.Mask(), Mask: a.Mask & n.Mask()}
}
