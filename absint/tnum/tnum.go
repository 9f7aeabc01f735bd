// Package tnum is the abstract domain of tristate numbers: for every bit of a
// word it is known to be 0, known to be 1, or unknown.
//
// The package knows words only; not registers, programs or other domains.
//
// # Invariants
//
// A [T] is valid at width w if it is [Bottom], or no bit is set both in Value
// and Mask and none above the width. So every set of words has exactly one
// best tnum, and two tnums are equal if and only if they stand for the same
// words. All functions keep that, are total and allocate nothing.
//
//	d := tnum.Domain{}
//	low := d.Bin(sem.And, ir.W64, d.Top(ir.W64), d.Const(ir.W64, 0xff)) // (0x0; 0xff)
//
// Sources: H. Vishwanathan, M. Shachnai, S. Narayana, S. Nagarakatte: Sound,
// Precise, and Fast Abstract Interpretation with Tristate Numbers, CGO 2022;
// kernel/bpf/tnum.c of Linux 6.18, for the behaviour of its operators.
package tnum

import (
	"fmt"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// T is a tristate number. A bit set in Mask is unknown; the other bits are
// those of Value. It stands for the words x with x &^ Mask == Value.
type T struct{ Value, Mask uint64 }

// Bottom returns the tnum that stands for no word: the only one in use whose
// Value and Mask share bits.
func Bottom() T { return T{^uint64(0), ^uint64(0)} }

// Top returns the tnum of all w-bit words.
func Top(w ir.Width) T { return T{0, w.Mask()} }

// Const returns the tnum of the low w bits of x.
func Const(w ir.Width, x uint64) T { return T{x & w.Mask(), 0} }

// IsBottom reports whether t stands for no word.
func (t T) IsBottom() bool { return t.Value&t.Mask != 0 }

// IsConst reports whether t stands for exactly one word, which is Value.
func (t T) IsConst() bool { return t.Mask == 0 }

// Max returns the greatest word, read unsigned; the least is Value.
func (t T) Max() uint64 { return t.Value | t.Mask }

// Valid reports the invariant of the representation at width w.
func (t T) Valid(w ir.Width) bool {
	return t == Bottom() || t.Value&t.Mask == 0 && (t.Value|t.Mask)&^w.Mask() == 0
}

// Contains reports whether t stands for x.
func (t T) Contains(x uint64) bool { return t.Value&t.Mask == 0 && x&^t.Mask == t.Value }

// String prints as the kernel does: a number where the word is known,
// otherwise "(value; mask)".
func (t T) String() string {
	switch {
	case t.IsBottom():
		return "bottom"
	case t.IsConst():
		return fmt.Sprintf("%#x", t.Value)
	}
	return fmt.Sprintf("(%#x; %#x)", t.Value, t.Mask)
}

// Range returns the best tnum that contains all words from lo to hi, lo <= hi.
//
// Sound: words between lo and hi share the leading bits that lo and hi share.
// Best: lo has 0 and hi has 1 in the first bit that differs, so 0111... and
// 1000... behind the shared bits are both between them.
func Range(lo, hi uint64) T {
	mask := below(lo ^ hi)
	return T{lo &^ mask, mask}
}

// below returns the word with all bits set up to the highest set bit of x.
func below(x uint64) uint64 { return ^uint64(0) >> bits.LeadingZeros64(x) }

// AtLeast returns the least word of t, not Bottom, that is not below lo.
//
// The nearest candidate takes lo's bits where t leaves them open. At the first
// known bit that differs, either t's is greater, and all open bits behind it
// become 0; or it is smaller, and the lowest open 0 bit before it must become
// 1 with all open bits behind that 0.
func (t T) AtLeast(lo uint64) (x uint64, ok bool) {
	near := t.Value | lo&t.Mask
	behind := below(near ^ lo)
	if near >= lo {
		return t.Value | lo&t.Mask&^behind, true
	}
	open := t.Mask &^ lo &^ behind
	step := open & -open
	return t.Value | (lo&t.Mask|step)&-step, step != 0
}

// AtMost returns the greatest word of t, not Bottom, that is not above hi.
//
// Complementing all known bits and hi turns it into AtLeast.
func (t T) AtMost(hi uint64) (x uint64, ok bool) {
	x, ok = T{^t.Value &^ t.Mask, t.Mask}.AtLeast(^hi)
	return ^x, ok
}

// Clamp returns the best tnum of the words of t from lo to hi, read unsigned.
//
// Sound: all these words lie between the least and the greatest of them and
// share the bits those share. Best: in the first bit they differ in, which is
// open, 0 followed by open bits 1, and 1 followed by open bits 0, both lie
// between; so no open bit behind it is determined.
func (t T) Clamp(lo, hi uint64) T {
	if t.IsBottom() {
		return t
	}
	least, ok1 := t.AtLeast(lo)
	greatest, ok2 := t.AtMost(hi)
	if !ok1 || !ok2 || least > greatest {
		return Bottom()
	}
	return Meet(t, Range(least, greatest))
}

// Leq reports whether every word of a is one of b. It is exact.
func Leq(a, b T) bool {
	if a.IsBottom() {
		return true
	}
	return !b.IsBottom() && a.Mask&^b.Mask == 0 && a.Value&^b.Mask == b.Value
}

// Join returns the best tnum of the words of a and of b: a bit is known where
// it is known to be the same in both.
func Join(a, b T) T {
	if a.IsBottom() {
		return b
	}
	if b.IsBottom() {
		return a
	}
	return union(a, b)
}

// union is Join of two tnums that are not Bottom.
func union(a, b T) T {
	mask := a.Mask | b.Mask | (a.Value ^ b.Value)
	return T{a.Value &^ mask, mask}
}

// Meet returns the tnum of the words that a and b share. It is exact: a bit is
// known where either knows it, and nothing is shared where they disagree.
func Meet(a, b T) T {
	if eitherBottom(a, b) || (a.Value^b.Value)&^(a.Mask|b.Mask) != 0 {
		return Bottom()
	}
	return T{a.Value | b.Value, a.Mask & b.Mask}
}

func eitherBottom(a, b T) bool { return a.Value&a.Mask|b.Value&b.Mask != 0 }
