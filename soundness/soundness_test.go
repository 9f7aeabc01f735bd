package soundness_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
	"github.com/bpfproof/bpfproof/soundness"
)

func load(t *testing.T, name string) *soundness.Subject {
	t.Helper()
	for _, d := range soundness.Domains() {
		if d.Name == name {
			s, err := soundness.Load(d)
			require.NoError(t, err)
			return s
		}
	}
	require.Fail(t, "no domain "+name)
	return nil
}

func z3Solver(t *testing.T, timeout time.Duration) smt.Solver {
	t.Helper()
	if !z3.Available {
		t.Skip("z3 is not linked: needs cgo and libz3-dev")
	}
	s, err := z3.New(smt.Limits{Timeout: timeout})
	require.NoError(t, err)
	return s
}

// TestBuild: every operation of every domain becomes an obligation, the same
// every time; without -long, every one of tnum and one of each kind of others.
func TestBuild(t *testing.T) {
	kinds := []string{"alu.add", "alu.neg", "refine.eq", "lattice.Leq", "const", "zext.32.64"}
	for _, d := range soundness.Domains() {
		s, err := soundness.Load(d)
		require.NoError(t, err)
		for i, op := range soundness.Ops() {
			if d.Name != "tnum" && !long.Enabled() && !slices.Contains(kinds, op.Name) {
				continue
			}
			start := time.Now()
			ob, err := s.Build(op)
			require.NoError(t, err)
			require.NotEmpty(t, ob.Goals)
			t.Logf("%-14s %-22s %2d bits: %6d terms, %v", d.Name, op.Name, op.Width, ob.Stats().Terms, time.Since(start).Round(time.Millisecond))
			if i%20 == 0 {
				again, err := s.Build(op)
				require.NoError(t, err)
				require.Equal(t, ob.Goals, again.Goals, op.Name)
				require.Equal(t, ob.Builder.Len(), again.Builder.Len(), op.Name)
			}
		}
	}
}

// TestProveTnum proves operators of tnum at 64 bits, from their source.
func TestProveTnum(t *testing.T) {
	s, solver := load(t, "tnum"), z3Solver(t, time.Minute)
	want := map[string]bool{"alu.add": true, "alu.sub": true, "alu.and": true, "alu.or": true, "alu.xor": true, "alu.neg": true,
		"alu.mov": true, "swap.bswap64": true, "lattice.Join": true, "lattice.Meet": true, "lattice.Leq": true}
	for _, op := range soundness.Ops() {
		if !want[op.Name] || op.Width != ir.W64 {
			continue
		}
		delete(want, op.Name)
		t.Run(op.Name, func(t *testing.T) {
			ob, err := s.Build(op)
			require.NoError(t, err)
			proofs, err := ob.Prove(context.Background(), solver)
			require.NoError(t, err)
			require.Len(t, proofs, len(ob.Goals), "stopped at %+v", proofs[len(proofs)-1])
			for _, p := range proofs {
				t.Log(fmt.Sprintf("%-28s %v by %s in %v", p.Goal, p.Outcome, p.Result.Solver, p.Result.Elapsed.Round(time.Millisecond)))
				require.Equal(t, smt.Proved, p.Outcome, "%s: %s: %v", op.Name, p.Goal, p.Result.Model)
			}
		})
	}
	require.Empty(t, want)
}
