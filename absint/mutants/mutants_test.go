package mutants_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/mutants"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// TestRefuted: exhaustion at a small width and a search at full width each
// find a witness against every mutant; the same operator of the domain that
// the mutant changes passes both.
func TestRefuted(t *testing.T) {
	for _, m := range mutants.All() {
		t.Run(m.Name, func(t *testing.T) {
			right := m
			right.Domain = reduced.New()
			for _, refute := range []func(mutants.Mutant, int) (mutants.Witness, bool){exhaust, mutants.Search} {
				start := time.Now()
				w, ok := refute(m, 500_000)
				require.True(t, ok, "%s: not refuted", m.Bug)
				t.Logf("refuted after %v: %v", time.Since(start).Round(time.Microsecond), w)
				confirm(t, m, w)
				w, ok = refute(right, 5_000)
				require.False(t, ok, "the sound operator is refuted: %v", w)
			}
		})
	}
}

func exhaust(m mutants.Mutant, _ int) (mutants.Witness, bool) { return mutants.Exhaust(m) }

// confirm holds that a witness is one.
func confirm(t *testing.T, m mutants.Mutant, w mutants.Witness) {
	op := m.Operator(w.Width)
	require.True(t, m.Domain.Contains(op.X, w.A, w.X), w)
	require.True(t, op.Unary || m.Domain.Contains(op.Y, w.B, w.Y), w)
	z, holds := op.Word(w.X, w.Y)
	require.True(t, holds && z == w.Z, w)
	require.False(t, m.Domain.Contains(op.Out, op.Apply(w.A, w.B), z), w)
	require.True(t, m.Domain.Valid(op.Out, op.Apply(w.A, w.B)), w)
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants.All() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.NotEmpty(t, m.Bug)
		require.NotEmpty(t, m.Source)
	}
	require.GreaterOrEqual(t, len(seen), 14)
}

// TestDivision: at 64 bits the magnitude of the least word is right.
func TestDivision(t *testing.T) {
	d := mutants.All()[13].Domain
	for _, y := range []uint64{1, 2, 3, 7, ^uint64(0), ^uint64(1)} {
		got := d.ALU(ir.SDiv, ir.W64, d.Const(ir.W64, 1<<63), d.Const(ir.W64, y))
		require.Equal(t, sem.ALU[uint64](sem.Concrete{}, ir.SDiv, ir.W64, 1<<63, y), got.A.Value, "divisor %d", int64(y))
	}
}
