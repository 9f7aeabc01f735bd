//go:build cgo

package z3

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

func open(t testing.TB) *Context {
	cfg := NewConfig()
	defer cfg.Close()
	cfg.Set("model", "true")
	c, err := NewContext(cfg)
	require.NoError(t, err)
	return c
}

func TestBinding(t *testing.T) {
	c := open(t)
	s, err := c.NewSolver("QF_BV")
	require.NoError(t, err)
	b := smt.NewBuilder()
	x := b.Var("x", 64)
	tr := c.NewTranslator(b)
	term := func(t2 smt.Term) Term {
		z, err := tr.Term(t2)
		require.NoError(t, err)
		return z
	}
	require.NoError(t, s.Assert(term(b.Cmp(sem.ULT, 64, b.Const(64, 41), x))))
	require.NoError(t, s.Push())
	require.NoError(t, s.Assert(term(b.Cmp(sem.ULT, 64, x, b.Const(64, 43)))))
	status, _, err := s.Check()
	require.NoError(t, err)
	require.Equal(t, smt.Sat, status)
	m, err := s.Model()
	require.NoError(t, err)
	v, err := m.Value(term(x))
	require.NoError(t, err)
	require.Equal(t, uint64(42), v)
	require.NoError(t, m.Close())
	require.NoError(t, s.Assert(term(b.Not(b.Eq(x, b.Const(64, 42))))))
	status, _, err = s.Check()
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, status)

	_, err = s.Model()
	require.ErrorContains(t, err, "z3: get model", "the library's errors come back as errors")
	require.NoError(t, s.Pop())
	require.ErrorContains(t, s.Pop(), "z3: pop")
	status, _, err = s.Check()
	require.NoError(t, err)
	require.Equal(t, smt.Sat, status)

	require.NoError(t, s.Close())
	require.NoError(t, c.Close())
	require.ErrorContains(t, c.Close(), "it is closed")
	c.Interrupt()
	_, err = c.NewSolver("QF_BV")
	require.ErrorContains(t, err, "it is closed")
	require.Contains(t, Version(), "4.")
}

// TestOneGoroutine holds that a second user of a context gets an error.
func TestOneGoroutine(t *testing.T) {
	c := open(t)
	s, err := c.NewSolver("QF_BV")
	require.NoError(t, err)
	require.NoError(t, c.enter())
	_, _, err = s.Check()
	require.ErrorIs(t, err, errBusy)
	_, err = c.NewTranslator(smt.NewBuilder()).Term(smt.NewBuilder().Bool(true))
	require.ErrorIs(t, err, errBusy)
	c.leave()
	require.NoError(t, s.Close())
	require.NoError(t, c.Close())
}

// resident returns the memory of this process in pages.
func resident(t *testing.T) int {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm here")
	}
	n, err := strconv.Atoi(strings.Fields(string(data))[1])
	require.NoError(t, err)
	return n
}

// TestMemory holds that neither checks nor sessions leave memory behind. The
// allocator keeps some for itself, so there is a warm-up, and room.
func TestMemory(t *testing.T) {
	solver, err := New(smt.Limits{Timeout: time.Minute})
	require.NoError(t, err)
	b := smt.NewBuilder()
	x, y := b.Var("x", 64), b.Var("y", 64)
	goal := b.Eq(b.Bin(sem.Xor, 64, x, y), b.Bin(sem.And, 64, y, b.Bin(sem.Add, 64, x, b.Const(64, 3))))
	rounds := func(n int) {
		for range n {
			r, err := solver.Check(context.Background(), b, goal)
			require.NoError(t, err)
			require.Equal(t, smt.Sat, r.Status)
			session, err := smt.Open(solver, b)
			require.NoError(t, err)
			require.NoError(t, session.Assert(b.Cmp(sem.ULT, 64, x, b.Const(64, 1000))))
			for range 3 {
				r, err = session.Check(context.Background(), goal)
				require.NoError(t, err)
				require.Equal(t, smt.Sat, r.Status)
			}
			require.NoError(t, session.Close())
		}
	}
	rounds(40)
	before := resident(t)
	rounds(60)
	const page, mib = 4096, 1 << 20
	require.Less(t, (resident(t)-before)*page, 40*mib)
}

// TestFunctionsLater holds that a session that meets its first uninterpreted
// function late answers by it.
func TestFunctionsLater(t *testing.T) {
	solver, err := New(smt.Limits{})
	require.NoError(t, err)
	b := smt.NewBuilder()
	x, y := b.Var("x", 64), b.Var("y", 64)
	s, err := smt.Open(solver, b)
	require.NoError(t, err)
	require.NoError(t, s.Assert(b.Cmp(sem.ULE, 64, x, y)))
	r, err := s.Check(context.Background(), b.Not(b.Eq(x, y)))
	require.NoError(t, err)
	require.Equal(t, smt.Sat, r.Status)
	require.NoError(t, s.Assert(b.Cmp(sem.ULE, 64, y, x)))
	for range 2 {
		r, err = s.Check(context.Background(), b.Not(b.Eq(b.Apply("f", 64, x), b.Apply("f", 64, y))))
		require.NoError(t, err)
		require.Equal(t, smt.Unsat, r.Status)
	}
	_, err = s.Check(context.Background(), x)
	require.EqualError(t, err, "z3: assert term of 64 bits: want one bit")
	r, err = s.Check(context.Background(), b.Not(b.Eq(x, y)))
	require.NoError(t, err)
	require.Equal(t, smt.Unsat, r.Status, "the session lives on after an error")
	require.NoError(t, s.Close())
}

// BenchmarkCheck measures the cost of a check beyond the solving.
func BenchmarkCheck(b *testing.B) {
	s, err := New(smt.Limits{})
	require.NoError(b, err)
	t := smt.NewBuilder()
	x, y := t.Var("x", 64), t.Var("y", 64)
	goal := t.Cmp(sem.ULT, 64, x, t.Bin(sem.And, 64, x, y))
	b.Run("mode=fresh", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Check(context.Background(), t, goal)
			require.NoError(b, err)
		}
	})
	b.Run("mode=session", func(b *testing.B) {
		session, err := smt.Open(s, t)
		require.NoError(b, err)
		for b.Loop() {
			_, err := session.Check(context.Background(), goal)
			require.NoError(b, err)
		}
		require.NoError(b, session.Close())
	})
}
