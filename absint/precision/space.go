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
//	for _, row := range precision.Ledger("tnum", tnum.Domain{}, 3, 1<<20) {
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

// Set is a set of words of at most six bits: bit x tells whether x is in it.
type Set uint64

// Has reports whether x is in s.
func (s Set) Has(x uint64) bool { return s>>x&1 != 0 }

// Len counts the words.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Words returns the words in ascending order.
func (s Set) Words() []uint64 {
	var words []uint64
	for ; s != 0; s &= s - 1 {
		words = append(words, uint64(bits.TrailingZeros64(uint64(s))))
	}
	return words
}

// MaxWidth is the greatest width at which a Set holds all words.
const MaxWidth ir.Width = 6

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
// w <= MaxWidth: of all sets up to 4 bits, above that of all single words,
// the full set and a fixed selection of others.
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
		for set := Set(0); set <= all; set++ {
			add(set)
		}
		return s
	}
	add(0)
	add(all)
	for x := range uint64(1) << w {
		add(1 << x)
	}
	rng := rand.New(rand.NewPCG(uint64(w), 1))
	for range 200 {
		set := Set(rng.Uint64()) & all
		for range rng.IntN(5) {
			set &= Set(rng.Uint64())
		}
		lo, hi := rng.IntN(int(1)<<w), rng.IntN(int(1)<<w)
		add(set)
		add((Set(2)<<max(lo, hi) - Set(1)<<min(lo, hi)) & all)
	}
	return s
}

// All returns the set of all words of the width.
func (s *Space[E]) All() Set { return ^Set(0) >> (64 - 1<<s.Width) }

// Best returns the best abstraction of a set: the join of its constants, taken
// from the lowest up.
func (s *Space[E]) Best(set Set) E {
	if e, ok := s.best[set]; ok {
		return e
	}
	e := s.Domain.Bottom()
	if set != 0 {
		top := 63 - bits.LeadingZeros64(uint64(set))
		e = s.Domain.Join(s.Width, s.Best(set&^(1<<top)), s.Domain.Const(s.Width, uint64(top)))
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
			set |= 1 << x
		}
	}
	s.gamma[e] = set
	return set
}
