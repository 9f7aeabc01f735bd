package mutants_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/jitproof/mutants"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// TestRefuted: the right backend is proved on a mutant's program, and the
// mutant is refuted with a state in which both sides differ.
func TestRefuted(t *testing.T) {
	solver, err := z3.New(smt.Limits{Steps: 20_000_000})
	if err != nil {
		t.Skipf("needs libz3: %v", err)
	}
	v := jitproof.New(solver, jitproof.Options{})
	for _, m := range mutants.All() {
		for _, bmi2 := range []bool{false, true} {
			b, err := amd64.NewTier(jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea, BMI2: bmi2, MOVBE: bmi2}, jit.Options{Tier: m.Tier})
			require.NoError(t, err)
			t.Run(fmt.Sprintf("%s/bmi2=%t", m.Name, bmi2), func(t *testing.T) { refute(t, v, b, m) })
		}
	}
	require.GreaterOrEqual(t, len(mutants.All()), 60)
}

func refute(t *testing.T, v *jitproof.Validator, b jit.Backend, m mutants.Mutant) {
	p, err := asm.Parse(m.Name, m.Text)
	require.NoError(t, err)
	right, err := jit.Compile(b, p)
	require.NoError(t, err)
	c, err := v.Validate(t.Context(), p, right)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, c.Status, "%+v", c.First(jitproof.Unknown))
	code, err := jit.Compile(m.Wrap(b), p)
	require.NoError(t, err)
	require.NotEqual(t, jitproof.HashCode(right), jitproof.HashCode(code), "the bug is nowhere in % x", right.Text)
	c, err = v.Validate(t.Context(), p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Refuted, c.Status, "%+v\n%+v\n% x", c.Counts, c.First(jitproof.Unknown), code.Text)
	w := c.First(jitproof.Refuted).Witness
	require.NotNil(t, w)
	require.NotEmpty(t, w.What)
	t.Logf("insn %d, %s: %s: bytecode %#x, machine %#x", c.First(jitproof.Refuted).PC, c.First(jitproof.Refuted).Kind, w.What, w.Bytecode, w.Machine)
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants.All() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		found, ok := mutants.Find(m.Name)
		require.True(t, ok)
		require.Equal(t, m.Bug, found.Bug)
	}
	_, ok := mutants.Find("no-such")
	require.False(t, ok)
}
