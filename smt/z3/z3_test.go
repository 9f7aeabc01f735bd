package z3_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

func TestCheck(t *testing.T) {
	if !z3.Available {
		_, err := z3.New(smt.Limits{})
		require.ErrorContains(t, err, "without cgo")
		t.Skip("built without cgo")
	}
	s, err := z3.New(smt.Limits{})
	require.NoError(t, err)
	b := smt.NewBuilder()
	x, y := b.Var("x", ir.W64), b.Var("y", ir.W64)
	r, err := s.Check(context.Background(), b, b.Eq(b.Bin(sem.And, 64, x, y), b.Const(64, 0xff00)), b.Cmp(sem.ULT, 64, x, y))
	require.NoError(t, err)
	require.Equal(t, smt.Sat, r.Status)
	r, err = s.Check(context.Background(), b, b.Cmp(sem.ULT, 64, x, b.Bin(sem.And, 64, x, y)))
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, r.Status, "%+v", r)
	f := b.Apply("f", 64, x)
	r, err = s.Check(context.Background(), b, b.Cmp(sem.ULT, 64, f, x), b.Cmp(sem.ULT, 64, b.Apply("f", 64, y), b.Const(64, 5)), b.Not(b.Eq(x, y)))
	require.NoError(t, err)
	require.Equal(t, smt.Sat, r.Status)
	t.Log(r.Model)
}
