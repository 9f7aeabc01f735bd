// Package domtest tests any abstract domain against the meaning of words: the
// laws of its lattice, soundness of every operation by exhaustion at small
// widths and at random at full width, its invariant, and that widening ends.
//
// It knows the contract of domains and the meaning of words, no particular
// domain.
//
// # Invariants
//
// Results are deterministic but for those of the random tests, which rapid
// reports with what is needed to repeat them. A failure prints the operands,
// what the domain gave, and what was wanted.
//
//	func TestDomain(t *testing.T) { domtest.Run(t, "parity", parity.Domain{}) }
//
// Source: the exhaustive tests at small widths that LLVM has for KnownBits and
// ConstantRange (llvm/unittests); package precision enumerates.
package domtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/precision"
	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/ir"
)

// limit bounds the pairs of elements that an operation is tried on at a width,
// beyond those with a single word on the right. Tnums at four bits stay below
// it, so do ranges at three.
const limit = 20_000

// maxWidth bounds the widths of casts.
const maxWidth ir.Width = 6

// TB is what the tests need of *testing.T, so that tests of the tests can
// record failures.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Failed() bool
}

// Run runs all tests of the package on d, and compares its precision with
// testdata/precision.golden of the package under test.
func Run[E comparable](t *testing.T, name string, d absint.Domain[E]) {
	t.Helper()
	t.Run("laws", func(t *testing.T) { Laws(t, d) })
	t.Run("exhaustive", func(t *testing.T) { Exhaustive(t, d) })
	t.Run("resize", func(t *testing.T) { Resize(t, d) })
	t.Run("low", func(t *testing.T) { Low(t, d) })
	t.Run("random", func(t *testing.T) { Random(t, d) })
	t.Run("widen", func(t *testing.T) { Widen(t, d) })
	t.Run("precision", func(t *testing.T) {
		var rows []precision.Row
		for _, w := range []ir.Width{2, 4, 8} {
			rows = append(rows, precision.Ledger(name, d, w, precision.Pairs, "")...)
		}
		golden.EqualString(t, "precision.golden", precision.Table(rows))
	})
}

// Exhaustive holds that every operation of d is sound, and returns valid
// elements, on elements of 1 to 4 bits. See precision.Each for what is tried
// where there are too many pairs.
func Exhaustive[E comparable](t TB, d absint.Domain[E]) {
	bit := precision.NewSpace(d, ir.W1)
	for w := ir.W1; w <= 4; w++ {
		space := precision.NewSpace(d, w)
		for _, op := range precision.Ops(d, w) {
			out := space
			if op.Out == ir.W1 {
				out = bit
			}
			check(t, op, space, space, out)
		}
		either(t, space)
	}
}

// Resize holds the same for truncations and extensions between all widths from
// 1 to 6.
func Resize[E comparable](t TB, d absint.Domain[E]) {
	var spaces [maxWidth + 1]*precision.Space[E]
	for w := ir.W1; w <= maxWidth; w++ {
		spaces[w] = precision.NewSpace(d, w)
	}
	for from := ir.W1; from <= maxWidth; from++ {
		for to := ir.W1; to <= maxWidth; to++ {
			check(t, precision.ResizeOp(d, from, to, false), spaces[from], spaces[from], spaces[to])
			check(t, precision.ResizeOp(d, from, to, true), spaces[from], spaces[from], spaces[to])
		}
	}
}

// Low holds the same for refinements of words by their low bits, for words of
// 1 to 6 bits and any number of low ones.
func Low[E comparable](t TB, d absint.Domain[E]) {
	for w := ir.W1; w <= maxWidth; w++ {
		space := precision.NewSpace(d, w)
		for n := ir.W1; n <= w; n++ {
			check(t, precision.LowOp(d, w, n), space, precision.NewSpace(d, n), space)
		}
	}
}

// check holds that op is sound and returns valid elements.
func check[E comparable](t TB, op precision.Op[E], xs, ys, out *precision.Space[E]) {
	t.Helper()
	d := xs.Domain
	precision.Each(op, xs, ys, out, limit, func(c precision.Case[E]) bool {
		if !c.Sound() {
			t.Errorf("%s of %d and %d bits: %v, %v\n got: %v = %v\nwant: at least %v", op.Name, op.X, op.Y, c.X, c.Y, c.Got,
				c.GotSet.Words(), c.Want.Words())
			return false
		}
		if err := valid(d, op.Out, c.Got, c.GotSet.Empty()); err != nil {
			t.Errorf("%s of %d and %d bits: %v, %v\n got: %+v\nwant: %v", op.Name, op.X, op.Y, c.X, c.Y, c.Got, err)
			return false
		}
		return true
	})
}

// valid reports what is wrong with the form of e, which stands for no word as
// empty tells.
func valid[E comparable](d absint.Domain[E], w ir.Width, e E, empty bool) error {
	if empty != (e == d.Bottom()) {
		return fmt.Errorf("bottom %v if and only if there is no word", d.Bottom())
	}
	if own, ok := d.(absint.Validator[E]); ok && !own.Valid(w, e) {
		return fmt.Errorf("a valid element at %d bits", w)
	}
	return nil
}

// either holds that an unknown condition joins, and that none gives Bottom.
func either[E comparable](t TB, s *precision.Space[E]) {
	t.Helper()
	d := s.Domain
	pairs(s, 2000, func(i, j int) bool {
		x, y := s.Elems[i], s.Elems[j]
		got := d.Ite(d.Top(ir.W1), x, y)
		require.Zero(t, s.Sets[i].Or(s.Sets[j]).Minus(s.Gamma(got)), "ite top %v %v = %v", x, y, got)
		require.NoError(t, valid(d, s.Width, got, s.Gamma(got).Empty()), "ite top %v %v = %+v", x, y, got)
		require.Equal(t, d.Bottom(), d.Ite(d.Bottom(), x, y), "ite bottom %v %v", x, y)
		return !t.Failed()
	})
}

// pairs calls yield for all pairs of elements if there are at most n, for n
// spread evenly otherwise, until it returns false.
func pairs[E comparable](s *precision.Space[E], n int, yield func(i, j int) bool) {
	m := len(s.Elems)
	step := max(1, m*m/n)
	if step > 1 {
		step |= 1
	}
	for k := 0; k < m*m; k += step {
		if !yield(k/m, k%m) {
			return
		}
	}
}
