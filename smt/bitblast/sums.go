package bitblast

import (
	"slices"

	"github.com/bpfproof/bpfproof/smt"
)

// sums holds the sums translated so far, under each of their summands. Package
// smt flattens (x+y)+z to x+y+z; where x+y is a term of its own its adder is
// shared again, because proofs about carries need the same bits in both.
type sums map[smt.Term][]smt.Term

// maxCandidates bounds the search for one sum in all those that share a
// summand with it.
const maxCandidates = 64

// split returns terms whose sum is t: sums seen before, largest first, and
// what they do not cover. It remembers t.
func (s sums) split(b *smt.Builder, t smt.Term) []smt.Term {
	rest := slices.Clone(b.Args(t))
	var parts []smt.Term
	for len(rest) > 2 {
		best, covered := s.largest(b, rest)
		if covered < 2 {
			break
		}
		for _, a := range b.Args(best) {
			i := slices.Index(rest, a)
			rest = slices.Delete(rest, i, i+1)
		}
		parts = append(parts, best)
	}
	for _, a := range b.Args(t) {
		s[a] = append(s[a], t)
	}
	return append(parts, rest...)
}

// largest returns the sum with most summands, all of them in rest.
func (s sums) largest(b *smt.Builder, rest []smt.Term) (best smt.Term, covered int) {
	for _, a := range rest {
		candidates := s[a]
		for _, c := range candidates[max(0, len(candidates)-maxCandidates):] {
			args := b.Args(c)
			if len(args) > covered && len(args) <= len(rest) && within(args, rest) {
				best, covered = c, len(args)
			}
		}
	}
	return best, covered
}

// within reports whether every summand of the sorted args is one of rest.
// Summands of a sum are distinct.
func within(args, rest []smt.Term) bool {
	for _, a := range args {
		if !slices.Contains(rest, a) {
			return false
		}
	}
	return true
}
