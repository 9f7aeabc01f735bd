package domtest

import (
	"github.com/stretchr/testify/require"
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
)

// chainLimit bounds the strict steps of a widened chain. A fixpoint visits a
// loop about as often, so a widening that needs more is useless.
const chainLimit = 256

// Widen holds that widened chains end: from a word on, by the next word that
// the chain does not contain (the slowest climb there is), and by random
// words, at widths from 3 to 64 bits.
func Widen[E comparable](t TB, d absint.Domain[E]) {
	for _, w := range []ir.Width{3, 4, ir.W8, ir.W32, ir.W64} {
		for _, start := range []uint64{0, 1, 5, w.Mask(), w.SignBit(), w.SignBit() - 1} {
			steps := chain(d, w, start, func(e E, x uint64) uint64 { return x + 1 })
			require.LessOrEqual(t, steps, chainLimit, "chain of %d bits up from %#x", w, start)
			steps = chain(d, w, start, func(e E, x uint64) uint64 { return x - 1 })
			require.LessOrEqual(t, steps, chainLimit, "chain of %d bits down from %#x", w, start)
		}
		for seed := range uint64(40) {
			rng := rand.New(rand.NewPCG(seed, 2))
			steps := chain(d, w, rng.Uint64(), func(E, uint64) uint64 { return rng.Uint64() >> rng.IntN(64) })
			require.LessOrEqual(t, steps, chainLimit, "random chain of %d bits, seed %d", w, seed)
			steps = chain(d, w, rng.Uint64(), func(_ E, x uint64) uint64 { return x ^ 1<<rng.IntN(64) })
			require.LessOrEqual(t, steps, chainLimit, "bit by bit chain of %d bits, seed %d", w, seed)
		}
	}
}

// chain widens by the words that next gives, and returns how often the element
// grew. It passes over words already contained, many at a time where they
// follow each other, and stops when a long time nothing new came.
func chain[E comparable](d absint.Domain[E], w ir.Width, start uint64, next func(e E, x uint64) uint64) int {
	e := d.Const(w, start)
	x := start & w.Mask()
	steps := 0
	for range 2 * chainLimit {
		n := next(e, x) & w.Mask()
		if d.Contains(w, e, n) {
			n = leap(d, w, e, n, (n-x)&w.Mask())
		}
		x = n
		grown := d.Widen(w, e, d.Join(w, e, d.Const(w, n)))
		if grown != e {
			steps++
		}
		e = grown
	}
	return steps
}

// leap goes on from x in steps of twice the last size while e contains the
// word, so that a chain does not crawl through what it has.
func leap[E comparable](d absint.Domain[E], w ir.Width, e E, x, step uint64) uint64 {
	for range 64 {
		if !d.Contains(w, e, x) {
			break
		}
		x = (x + step) & w.Mask()
		step = step << 1
	}
	return x
}
