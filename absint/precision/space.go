// Package precision measures abstract domains by exhaustion at small widths:
// whether every operation is sound, and how often it gives the best element.
//
// It knows the contract of domains and the meaning of words, no particular
// domain. Package domtest turns what it finds into tests, `bpfproof precision`
// into a table.
//
// # Invariants
//
// Results are deterministic. The best abstraction of a set is the join of its
// words' constants; an operation is called optimal on some operands if its
// result stands for no more words than the best abstraction of the words that
// package sem computes from theirs.
//
//	for _, row := range precision.Ledger("tnum", tnum.Domain{}, 4, precision.Pairs, "") {
//		fmt.Println(row.Op, row.Optimal, row.Total)
//	}
//
// Source: the measurements follow H. Vishwanathan et al., CGO 2022, section 4.
package precision

import (
	"math/bits"
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
)

// Set is a set of words of at most eight bits: bit x%64 of element x/64 tells
// whether x is in it. The zero value is empty.
type Set [4]uint64

// Of returns the set of the words given.
func Of(words ...uint64) Set {
	var s Set
	for _, x := range words {
		s[x/64] |= 1 << (x % 64)
	}
	return s
}

// Has reports whether x is in s.
func (s Set) Has(x uint64) bool { return s[x/64]>>(x%64)&1 != 0 }

// Empty reports whether s has no word.
func (s Set) Empty() bool { return s == Set{} }

// Or returns the words in s or t.
func (s Set) Or(t Set) Set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

// And returns the words in both s and t.
func (s Set) And(t Set) Set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

// Minus returns the words in s that are not in t.
func (s Set) Minus(t Set) Set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

// Len counts the words.
func (s Set) Len() int {
	n := 0
	for _, x := range s {
		n += bits.OnesCount64(x)
	}
	return n
}

// Words returns the words in ascending order.
func (s Set) Words() []uint64 {
	words := make([]uint64, 0, s.Len())
	for i, x := range s {
		for ; x != 0; x &= x - 1 {
			words = append(words, uint64(64*i+bits.TrailingZeros64(x)))
		}
	}
	return words
}

// upTo returns the words from lo to hi, lo <= hi < 256.
func upTo(lo, hi uint64) Set {
	var s Set
	for x := lo; x <= hi; x++ {
		s[x/64] |= 1 << (x % 64)
	}
	return s
}

// MaxWidth is the greatest width at which a Set holds all words.
const MaxWidth ir.Width = 8

// Space is a domain's elements at a small width with the sets that they stand
// for.
type Space[E comparable] struct {
	Domain absint.Domain[E]
	Width  ir.Width
	Elems  []E   // Bottom first; each once
	Sets   []Set // the concretisations of Elems
	gamma  map[E]Set
	best   map[Set]E
}

// NewSpace enumerates the best abstractions of sets of w-bit words, for
// w <= MaxWidth: of all sets up to 4 bits, above that of all single words, the
// full set, and a fixed selection of ranges and of sets of a few words.
func NewSpace[E comparable](d absint.Domain[E], w ir.Width) *Space[E] {
	s := &Space[E]{Domain: d, Width: w, gamma: map[E]Set{}, best: map[Set]E{}}
	seen := map[E]bool{}
	add := func(set Set) {
		if e := s.Best(set); !seen[e] {
			seen[e] = true
			s.Elems = append(s.Elems, e)
			s.Sets = append(s.Sets, s.Gamma(e))
		}
	}
	all := s.All()
	if w <= 4 {
		for set := range uint64(1) << (1 << w) {
			add(Set{set})
		}
		return s
	}
	add(Set{})
	add(all)
	for x := range uint64(1) << w {
		add(Of(x))
	}
	rng := rand.New(rand.NewPCG(uint64(w), 1))
	word := func() uint64 { return rng.Uint64() & w.Mask() }
	for range 200 {
		some, n := Set{}, 1+rng.IntN(5)
		for range n {
			some = some.Or(Of(word()))
		}
		lo, hi := word(), word()
		add(some)
		add(upTo(min(lo, hi), max(lo, hi)))
	}
	return s
}

// Constants returns the space of Bottom and what Const makes of all words.
func Constants[E comparable](d absint.Domain[E], w ir.Width) *Space[E] {
	s := &Space[E]{Domain: d, Width: w, gamma: map[E]Set{}, best: map[Set]E{}}
	s.Elems, s.Sets = append(s.Elems, d.Bottom()), append(s.Sets, Set{})
	for x := range uint64(1) << w {
		e := d.Const(w, x)
		s.Elems, s.Sets = append(s.Elems, e), append(s.Sets, s.Gamma(e))
	}
	return s
}

// All returns the set of all words of the width.
func (s *Space[E]) All() Set { return upTo(0, s.Width.Mask()) }

// Best returns the best abstraction of a set: the join of its constants, taken
// from the lowest up.
func (s *Space[E]) Best(set Set) E {
	if e, ok := s.best[set]; ok {
		return e
	}
	e := s.Domain.Bottom()
	for i := len(set) - 1; i >= 0; i-- {
		if set[i] != 0 {
			top := uint64(64*i + 63 - bits.LeadingZeros64(set[i]))
			e = s.Domain.Join(s.Width, s.Best(set.Minus(Of(top))), s.Domain.Const(s.Width, top))
			break
		}
	}
	s.best[set] = e
	return e
}

// Gamma returns the words that e stands for, as Contains tells.
func (s *Space[E]) Gamma(e E) Set {
	if set, ok := s.gamma[e]; ok {
		return set
	}
	var set Set
	for x := range uint64(1) << s.Width {
		if s.Domain.Contains(s.Width, e, x) {
			set = set.Or(Of(x))
		}
	}
	s.gamma[e] = set
	return set
}
