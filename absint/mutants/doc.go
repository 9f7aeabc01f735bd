// Package mutants holds domains that are wrong: each is the product of tnums
// and ranges with one operator as it once was in the Linux verifier, or would
// have been there. A test or proof of soundness that does not refute every one
// of them is broken.
//
// The package must not be used to verify programs.
//
// # Invariants
//
// Every mutant is plain value code like the domains, returns valid elements for
// valid elements, and is sound but for the one operator that [Mutant] names.
//
//	for _, m := range mutants.All() {
//		witness, refuted := mutants.Exhaust(m)
//		fmt.Println(m.Name, refuted, witness)
//	}
//
// Sources: the CVE entries and kernel commits that each mutant names. Only the
// logic of the bugs is used, no code.
package mutants

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// T is an element of all mutants.
type T = reduced.T

// Domain is what every mutant implements.
type Domain interface {
	absint.Domain[T]
	absint.Operators[T]
	absint.Bounder[T]
	absint.Narrower[T]
	absint.Validator[T]
}

// Mutant is a wrong domain.
type Mutant struct {
	Name   string // such as "cve-2020-8835"
	Source string // where the bug was
	Bug    string // one sentence
	// Op is the operator that is wrong, and Width a width at which exhaustion
	// refutes it. For kinds Low and RefineLow, and for Extend, words of Width
	// bits take the place of those of 64, their halves that of 32 bits.
	Kind   Kind
	ALU    ir.ALUOp  // of kinds ALU and Low
	Cmp    sem.CmpOp // of kind Refine
	Width  ir.Width
	Full   ir.Width // the greatest width at which it is wrong: 64 unless the bug is in 32 bits
	Domain Domain
}

// Kind tells operators apart.
type Kind uint8

// The kinds of operators.
const (
	ALU       Kind = iota // Domain.ALU
	Low                   // absint.LowALU on the low half
	Extend                // Domain.Resize from the half, unsigned
	Refine                // Domain.Refine
	RefineLow             // absint.RefineLow by the low half
)

// Sound is the domain that mutants change: each embeds it and replaces a method.
type Sound = *reduced.Domain

// New returns the domain that mutants change.
func New() Sound { return reduced.New() }

// ranges returns all w-bit words of r.
func ranges(w ir.Width, r interval.T) T { return T{A: tnum.Top(w), B: r} }

// cut returns the words of x from lo to hi, x itself if there is none.
func cut(d Sound, w ir.Width, x T, lo, hi uint64) T {
	r := d.Meet(w, x, ranges(w, interval.Unsigned(w, lo, hi)))
	if r == d.Bottom() {
		return x
	}
	return r
}

// cutLow returns the words of x whose low halves are from lo to hi, x itself
// if there is none.
func cutLow(d Sound, w ir.Width, x T, lo, hi uint64) T {
	h := interval.Half(w)
	r := d.RefineLow(w, h, x, ranges(h, interval.Unsigned(h, lo, hi)))
	if r == d.Bottom() {
		return x
	}
	return r
}

// known returns the only word of x, if it has just one.
func known(x T) (uint64, bool) { return x.A.Value, x.A.IsConst() }
