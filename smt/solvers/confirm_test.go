package solvers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
)

// saying is a solver with one answer for everything.
type saying struct {
	name   string
	status smt.Status
	err    error
}

func (s saying) Name() string { return s.name }

func (s saying) Check(context.Context, *smt.Builder, ...smt.Term) (smt.Result, error) {
	return smt.Result{Status: s.status, Solver: s.name, Model: smt.NewModel()}, s.err
}

var errBroken = errors.New("broken")

// TestConfirm: a second solver that finds a model is an error, one that does
// not answer is counted; who finds a model or nothing at first is not doubted.
func TestConfirm(t *testing.T) {
	b := smt.NewBuilder()
	x := b.Var("x", ir.W1)
	c := solvers.Confirm(saying{"first", smt.Unsat, nil}, saying{"agrees", smt.Unsat, nil}, saying{"silent", smt.Unknown, nil}, saying{"breaks", smt.Unknown, errBroken})
	for range 2 {
		r, err := c.Check(t.Context(), b, x)
		require.NoError(t, err)
		require.Equal(t, smt.Unsat, r.Status)
		require.Equal(t, "first", r.Solver)
	}
	require.Equal(t, []solvers.Confirmations{{Solver: "agrees", Asked: 2, Confirmed: 2}, {Solver: "silent", Asked: 2}, {Solver: "breaks", Asked: 2, Failed: 2, Err: errBroken}}, c.Counts())

	c = solvers.Confirm(saying{"first", smt.Unsat, nil}, saying{"contradicts", smt.Sat, nil})
	_, err := c.Check(t.Context(), b, x)
	require.ErrorContains(t, err, "confirm unsat of first")
	require.ErrorContains(t, err, "contradicts")

	for _, status := range []smt.Status{smt.Sat, smt.Unknown} {
		c = solvers.Confirm(saying{"first", status, nil}, saying{"contradicts", smt.Sat, nil})
		r, err := c.Check(t.Context(), b, x)
		require.NoError(t, err)
		require.Equal(t, status, r.Status)
		require.Zero(t, c.Counts()[0].Asked)
	}
}
