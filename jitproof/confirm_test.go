package jitproof_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/jitproof/mutants"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
)

// TestConfirm proves without trusting the rewriting: the solver confirms every
// step, the certificate says so, and mutants are refuted as ever.
func TestConfirm(t *testing.T) {
	const text = `
	r2 = 5
	r2 *= r1
	w2 += 7
	r2 = be16 r2
	if r2 > 9 goto out
	*(u16 *)(r10 - 2) = r2
	r2 = *(u8 *)(r10 - 1)
	r2 <<= r1
out:
	r0 = r2
	exit
`
	p, err := asm.Parse("p.s", text)
	require.NoError(t, err)
	solver, err := solvers.New("", smt.Limits{Steps: 20_000_000})
	require.NoError(t, err)
	ctx := context.Background()
	v := jitproof.New(solver, jitproof.Options{Confirm: true})

	code, err := jit.Compile(amd64.New(jit.Target{}), p)
	require.NoError(t, err)
	cert, err := v.Validate(ctx, p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Proved, cert.Status, "%+v", cert.First(jitproof.Unknown))
	require.NotNil(t, cert.Confirmed)
	require.Greater(t, cert.Confirmed.Rewritten, 50)
	require.Equal(t, cert.Confirmed.Rewritten, cert.Confirmed.Confirmed)
	require.NoError(t, jitproof.New(solver, jitproof.Options{}).Check(ctx, cert, p, code))

	none := jitproof.New(nil, jitproof.Options{Confirm: true})
	cert, err = none.Validate(ctx, p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Unknown, cert.Status, "nothing is proved without a solver")

	m, ok := mutants.Find("missing-zero-extension")
	require.True(t, ok)
	p, err = asm.Parse("mutant.s", m.Text)
	require.NoError(t, err)
	code, err = jit.Compile(m.Wrap(amd64.New(jit.Target{})), p)
	require.NoError(t, err)
	cert, err = v.Validate(ctx, p, code)
	require.NoError(t, err)
	require.Equal(t, jitproof.Refuted, cert.Status)
}

// TestConfirmQuotients: divisions by constants rest on a theorem even where the solver
// confirms everything else, and the certificate counts them.
func TestConfirmQuotients(t *testing.T) {
	solver, err := solvers.New("", smt.Limits{Steps: 20_000_000})
	require.NoError(t, err)
	v := jitproof.New(solver, jitproof.Options{Confirm: true})
	p, err := asm.Parse("p.s", "r0 = *(u64 *)(r1 + 0)\nr0 /= 10\nr2 = *(u32 *)(r1 + 8)\nw2 /= 7000\nr0 += r2\nexit\n")
	require.NoError(t, err)
	for _, b := range []jit.Backend{amd64.New(jit.Target{}), optimiser(t, true)} {
		code, err := jit.Compile(b, p)
		require.NoError(t, err)
		cert, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err)
		require.Equal(t, jitproof.Proved, cert.Status, "%+v", cert.First(jitproof.Unknown))
		require.Positive(t, cert.Confirmed.Theorems)
	}
}
