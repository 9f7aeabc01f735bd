package jitproof_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jit/opt"
	"github.com/bpfproof/bpfproof/jitproof"
)

// optimiser returns the optimising tier without some passes.
func optimiser(t testing.TB, bmi2 bool, off ...string) jit.Backend {
	b, err := amd64.NewTier(jit.Target{ArrayStride: abi.ArrayStride, BMI2: bmi2}, jit.Options{Tier: jit.Optimising, Off: off})
	require.NoError(t, err)
	return b
}

// TestOptimised proves every accepted program of the corpus as the optimising
// tier compiles it, with all passes and with each left out.
func TestOptimised(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	off := [][]string{nil}
	for _, p := range opt.Passes() {
		off = append(off, []string{string(p.Name)})
	}
	total, rewriter := 0, 0
	for _, without := range off {
		for _, p := range programs(t) {
			code, err := jit.Compile(optimiser(t, without == nil, without...), p)
			require.NoError(t, err, "%s without %v", p.Name, without)
			c, err := v.Validate(t.Context(), p, code)
			require.NoError(t, err, p.Name)
			if c.Status != jitproof.Proved {
				t.Errorf("without %v: %s", without, explain(p, c))
			}
			total, rewriter = total+c.Counts.Total, rewriter+c.Counts.Rewriter
		}
	}
	t.Logf("%d obligations, %d by the rewrite rules alone", total, rewriter)
}
