package smt

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/sem"
)

func TestCollect(t *testing.T) {
	b := NewBuilder()
	x, y := b.Var("x", 8), b.Var("y", 8)
	fx, fy := b.Apply("f", 8, x), b.Apply("f", 8, y)
	say := func(values map[Term]uint64) func(Term) (uint64, error) {
		return func(t Term) (uint64, error) {
			v, ok := values[t]
			if !ok {
				return 0, errors.New("no value")
			}
			return v, nil
		}
	}
	differ := []Term{b.Not(b.Eq(fx, fy))}
	m, err := Collect(b, differ, say(map[Term]uint64{x: 1, y: 2, fx: 3, fy: 4}))
	require.NoError(t, err)
	require.Equal(t, "x=0x1 y=0x2 f(0x1)=0x3 f(0x2)=0x4", m.String())
	v, ok := m.Apply("f", 2)
	require.True(t, ok)
	require.Equal(t, uint64(4), v)
	require.Equal(t, uint64(7), m.Eval(b, b.Bin(sem.Add, 8, fx, fy)))

	_, err = Collect(b, differ, say(map[Term]uint64{x: 1, y: 2, fx: 3, fy: 3}))
	require.ErrorContains(t, err, "assertion 0 is false")
	_, err = Collect(b, differ, say(map[Term]uint64{x: 1, y: 1, fx: 3, fy: 4}))
	require.ErrorContains(t, err, "function f has two values, 0x3 and 0x4")
	_, err = Collect(b, differ, say(map[Term]uint64{x: 1}))
	require.ErrorContains(t, err, "value of y: no value")

	var none *Model
	require.Zero(t, none.Eval(b, x))
	require.Empty(t, none.String())
}

// fixed answers every question the same way, and counts them.
type fixed struct {
	result Result
	err    error
	asked  int
	last   []Term
}

func (*fixed) Name() string { return "fixed" }

func (f *fixed) Check(_ context.Context, _ *Builder, assertions ...Term) (Result, error) {
	f.asked++
	f.last = assertions
	return f.result, f.err
}

func TestProve(t *testing.T) {
	b := NewBuilder()
	x, p := b.Var("x", 8), b.Var("p", 1)
	ctx := context.Background()
	s := &fixed{}
	goal := b.Cmp(sem.ULT, 8, x, b.Const(8, 9))

	proof, err := Prove(ctx, s, b, []Term{p}, goal)
	require.NoError(t, err)
	require.Equal(t, Undecided, proof.Outcome, "unknown is not a proof")
	require.Equal(t, []Term{p, b.Not(goal)}, s.last)
	require.False(t, proof.Rewriter)

	for status, want := range map[Status]Outcome{Unsat: Proved, Sat: Refuted, Unknown: Undecided} {
		s.result.Status = status
		proof, err := Prove(ctx, s, b, []Term{p}, goal)
		require.NoError(t, err)
		require.Equal(t, want, proof.Outcome)
	}
	s.err, s.asked = errors.New("broken"), 0
	_, err = Prove(ctx, s, b, nil, goal)
	require.EqualError(t, err, "smt: prove goal: broken")
	require.Equal(t, 1, s.asked)

	for name, q := range map[string]struct {
		premises []Term
		goal     Term
		want     Outcome
	}{
		"true":              {nil, b.Eq(b.Bin(sem.Sub, 8, x, x), b.Const(8, 0)), Proved},
		"premise":           {[]Term{p, goal}, goal, Proved},
		"false premise":     {[]Term{b.Bool(false)}, p, Proved},
		"false, no premise": {[]Term{b.Bool(true)}, b.Bool(false), Refuted},
	} {
		proof, err := Prove(ctx, s, b, q.premises, q.goal)
		require.NoError(t, err, name)
		require.Equal(t, q.want, proof.Outcome, name)
		require.True(t, proof.Rewriter, name)
		require.Equal(t, RewriterName, proof.Result.Solver, name)
	}
	require.Equal(t, 1, s.asked, "the rewriter asks no solver")
}

// TestOpen holds that a solver that is not Incremental gets all premises.
func TestOpen(t *testing.T) {
	b := NewBuilder()
	p, q, r := b.Var("p", 1), b.Var("q", 1), b.Var("r", 1)
	s := &fixed{}
	session, err := Open(s, b)
	require.NoError(t, err)
	require.NoError(t, session.Assert(p))
	_, err = session.Check(context.Background(), q)
	require.NoError(t, err)
	require.Equal(t, []Term{p, q}, s.last)
	require.NoError(t, session.Assert(r))
	proof, err := ProveIn(context.Background(), session, b, q)
	require.NoError(t, err)
	require.Equal(t, Undecided, proof.Outcome)
	require.Equal(t, []Term{p, r, b.Not(q)}, s.last)
	require.NoError(t, session.Close())
}
