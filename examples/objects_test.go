package examples_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
)

// TestObjects: every program is accepted and proved in both tiers, and the live
// kernel loads it.
func TestObjects(t *testing.T) {
	paths, err := filepath.Glob("*/bpf/*.o")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	solver, err := solvers.New(solvers.Default(), smt.Limits{})
	require.NoError(t, err)
	for _, path := range paths {
		file, err := elf.Load(path)
		require.NoError(t, err)
		for _, tier := range []jit.Tier{jit.Baseline, jit.Optimising} {
			proved := 0
			o, err := pipeline.LoadFile(context.Background(), path, pipeline.Options{JIT: jit.Options{Tier: tier}, Prover: solver,
				Proved: func(p pipeline.Proof) { require.Equal(t, jitproof.Proved, p.Certificate.Status); proved++ }})
			require.NoError(t, err, "%s, tier %v", path, tier)
			require.Len(t, o.Programs(), proved)
			require.NoError(t, o.Close())
		}
		if err := kernel.Available(); err != nil {
			t.Logf("not asked: the live kernel: %v", err)
			continue
		}
		for _, p := range file.Programs {
			k, err := kernel.Load(p, kernel.Options{})
			require.NoError(t, err, "%s: %s", path, p.Name)
			require.NoError(t, k.Close())
		}
	}
}
