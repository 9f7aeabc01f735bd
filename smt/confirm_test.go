package smt_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
)

// busy makes terms in which every kind of rule fires.
func busy(b *smt.Builder) {
	for _, w := range []ir.Width{1, 8, 32} {
		x, y, z := b.Var(fmt.Sprint("x", w), w), b.Var(fmt.Sprint("y", w), w), b.Const(w, 3)
		for op := sem.Add; op <= sem.AShr; op++ {
			b.Bin(op, w, b.Bin(op, w, x, y), z)
			b.Bin(op, w, b.Bin(sem.And, w, x, z), b.Bin(sem.Or, w, x, z))
			b.Bin(op, w, x, x)
		}
		c := b.Bool(true)
		for _, op := range sem.CmpOps() {
			c = b.Cmp(op, w, x, y)
			b.Cmp(op, w, b.Bin(sem.Add, w, x, z), z)
			b.Ite(c, b.Ite(c, x, y), b.Not(y))
		}
		wide := b.Resize(x, w, 64, true)
		b.Resize(wide, 64, w, false)
		b.Resize(b.Resize(x, w, 64, false), 64, 16, true)
		b.Concat(b.Extract(wide, 63, 32), b.Extract(wide, 31, 0))
	}
}

// TestConfirm has a solver confirm every step of a rewriting.
func TestConfirm(t *testing.T) {
	b := smt.NewBuilder()
	b.Record()
	busy(b)
	s, err := solvers.New("", smt.Limits{Steps: 10_000_000})
	require.NoError(t, err)
	c, err := smt.Confirm(context.Background(), s, b)
	require.NoError(t, err)
	require.Greater(t, c.Rewritten, 100)
	require.Greater(t, c.Steps, c.Rewritten)
	require.True(t, c.Holds(), "%+v", c)
}

// TestConfirmFindsWrongRules shows that a wrong step is not confirmed.
func TestConfirmFindsWrongRules(t *testing.T) {
	b := smt.NewBuilder()
	b.Record()
	busy(b)
	b.NoteWrongStep()
	s, err := solvers.New("", smt.Limits{Steps: 10_000_000})
	require.NoError(t, err)
	c, err := smt.Confirm(context.Background(), s, b)
	require.NoError(t, err)
	require.False(t, c.Holds())
	require.Equal(t, c.Rewritten-1, c.Confirmed)
	require.Contains(t, c.Doubt, "sat")
}
