// Package absint is the contract between abstract domains and the analyses
// that use them, and what can be built from domains without knowing them: the
// reduced product and the fixpoint solver.
//
// A domain is plain value code over a comparable element type E. An element
// stands for a set of w-bit words; the width is passed to every operation
// because the element does not carry it. Words are held in the low w bits of
// a uint64, the upper bits 0.
//
// # Invariants
//
// Bottom is unique: an element stands for the empty set if and only if it
// equals Bottom(). Every operation is total, allocates nothing, and returns
// valid elements for valid elements.
//
// Every operation is an over-approximation: what package sem makes of members
// of the operands is a member of the result. Package absint/domtest tests that
// by exhaustion at small widths; the soundness proof shows it at 64 bits.
//
// The package must not know any particular domain, nor what the words are used
// for.
package absint

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Lattice orders the sets of w-bit words that elements stand for.
type Lattice[E comparable] interface {
	// Bottom stands for no word, at every width.
	Bottom() E
	// Top stands for all words of w bits.
	Top(w ir.Width) E
	// Leq reports that a's words are all words of b. It may say false where
	// that cannot be told; it never says true wrongly.
	Leq(w ir.Width, a, b E) bool
	// Join stands at least for the words of a and those of b.
	Join(w ir.Width, a, b E) E
	// Meet stands at least for the words that a and b share.
	Meet(w ir.Width, a, b E) E
	// Widen is a join that makes every ascending chain finite: prev is the old
	// element, next the new one.
	Widen(w ir.Width, prev, next E) E
}

// Domain is an abstract domain: a lattice on which the word operations of
// package sem are defined. As a sem.Algebra, Bin and Cmp must have the meaning
// given there lifted to sets; a condition is an element of one bit; Ite joins
// its branches unless the condition is known.
type Domain[E comparable] interface {
	Lattice[E]
	sem.Algebra[E]
	// Contains reports whether the w-bit word x is one that e stands for (the
	// concretisation): the oracle of every test and proof.
	Contains(w ir.Width, e E, x uint64) bool
	// Refine returns what x and y can be where x op y holds: at least all pairs
	// for which it does, and Bottom twice if there is none that it can see.
	Refine(op sem.CmpOp, w ir.Width, x, y E) (E, E)
}

// Operators is implemented by domains that have better transfer functions for
// whole eBPF operations than what package sem composes from Bin and Ite
// (division, masked shifts). ALU has the meaning of sem.ALU; Swap of sem.Swap.
// [ALU] and [Swap] choose.
type Operators[E comparable] interface {
	ALU(op ir.ALUOp, w ir.Width, x, y E) E
	Swap(op ir.SwapOp, w ir.Width, x E) E
}

// LowOperators is implemented by domains that have better transfer functions
// for operations on the low bits of a word than to truncate the operands, to
// operate, and to extend the result. LowALU is given elements of w bits and
// returns one: sem.ALU of their low n bits, zero-extended. [LowALU] chooses.
type LowOperators[E comparable] interface {
	LowALU(op ir.ALUOp, w, n ir.Width, x, y E) E
}

// Bounds encloses the words of an element, read unsigned and signed.
type Bounds struct {
	UMin, UMax uint64
	SMin, SMax int64
}

// WidthBounds returns the bounds of all w-bit words.
func WidthBounds(w ir.Width) Bounds {
	return Bounds{UMax: w.Mask(), SMin: w.SignExtend(w.SignBit()), SMax: int64(w.Mask() >> 1)}
}

// Meet returns the bounds of the words that lie in both.
func (b Bounds) Meet(c Bounds) Bounds {
	return Bounds{
		UMin: max(b.UMin, c.UMin), UMax: min(b.UMax, c.UMax),
		SMin: max(b.SMin, c.SMin), SMax: min(b.SMax, c.SMax),
	}
}

// Bounder is implemented by every domain that a verifier can use: it tells the
// least and greatest members. Bounds of Bottom are not defined.
type Bounder[E comparable] interface {
	Bounds(w ir.Width, e E) Bounds
}

// Narrower is implemented by domains that can use what is learnt of a word's
// low bits, as from a comparison in 32 bits. RefineLow returns at least those
// words of e, of w bits, whose low n <= w bits are words of low, an element of
// n bits. [RefineLow] chooses.
type Narrower[E comparable] interface {
	RefineLow(w, n ir.Width, e, low E) E
}

// Validator is implemented by domains whose elements have an invariant: Valid
// reports whether e is one that operations may be given, and return.
type Validator[E comparable] interface {
	Valid(w ir.Width, e E) bool
}

// ALU returns the abstract result of an eBPF operation, by the domain's own
// operator where it has one, and by package sem lifted to d otherwise.
func ALU[E comparable](d Domain[E], op ir.ALUOp, w ir.Width, x, y E) E {
	if own, ok := d.(Operators[E]); ok {
		return own.ALU(op, w, x, y)
	}
	return sem.ALU[E](d, op, w, x, y)
}

// OperatorsOf returns what ALU and Swap call, for callers that do so often.
func OperatorsOf[E comparable](d Domain[E]) Operators[E] {
	if own, ok := d.(Operators[E]); ok {
		return own
	}
	return lifted[E]{d}
}

// lifted gives the operators of package sem to a domain without its own.
type lifted[E comparable] struct{ d Domain[E] }

func (l lifted[E]) ALU(op ir.ALUOp, w ir.Width, x, y E) E { return sem.ALU[E](l.d, op, w, x, y) }

func (l lifted[E]) Swap(op ir.SwapOp, w ir.Width, x E) E { return sem.Swap[E](l.d, op, w, x) }

// Swap returns the abstract result of a byte order conversion of the low w
// bits of the 64-bit x.
func Swap[E comparable](d Domain[E], op ir.SwapOp, w ir.Width, x E) E {
	if own, ok := d.(Operators[E]); ok {
		return own.Swap(op, w, x)
	}
	return sem.Swap[E](d, op, w, x)
}

// LowALU returns the abstract result, zero-extended to w bits, of an eBPF
// operation on the low n <= w bits of two words of w bits: what an instruction
// of 32 bits makes of its registers.
func LowALU[E comparable](d Domain[E], op ir.ALUOp, w, n ir.Width, x, y E) E {
	if own, ok := d.(LowOperators[E]); ok {
		return own.LowALU(op, w, n, x, y)
	}
	x, y = d.Resize(x, w, n, false), d.Resize(y, w, n, false)
	return d.Resize(ALU(d, op, n, x, y), n, w, false)
}

// RefineLow returns at least those words of e, of w bits, whose low n bits are
// words of low: by the domain's own operator where it has one, otherwise e.
func RefineLow[E comparable](d Domain[E], w, n ir.Width, e, low E) E {
	if own, ok := d.(Narrower[E]); ok {
		return own.RefineLow(w, n, e, low)
	}
	if low == d.Bottom() {
		return low
	}
	return e
}
