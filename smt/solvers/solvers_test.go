package solvers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/smtlib"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// each runs a test with every solver that this machine has.
func each(t *testing.T, limits smt.Limits, test func(t *testing.T, s smt.Solver)) {
	for _, name := range solvers.Names() {
		t.Run(name, func(t *testing.T) {
			if name == z3.Name && !z3.Available {
				t.Skip("built without cgo")
			}
			if program := map[string]string{"z3-pipe": "z3", "cvc5": "cvc5", "cadical": "cadical"}[name]; program != "" {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("%s is not installed", program)
				}
			}
			s, err := solvers.New(name, limits)
			require.NoError(t, err)
			require.Equal(t, name, s.Name())
			test(t, s)
		})
	}
}

func TestNew(t *testing.T) {
	_, err := solvers.New("yices", smt.Limits{})
	require.EqualError(t, err, `solvers: find solver "yices": the solvers are z3, z3-pipe, cvc5, cadical`)
	if !z3.Available {
		_, err := solvers.New(z3.Name, smt.Limits{})
		require.ErrorContains(t, err, "built without cgo")
		require.Equal(t, "z3-pipe", solvers.Default())
		return
	}
	s, err := solvers.New("", smt.Limits{})
	require.NoError(t, err)
	require.Equal(t, "z3", s.Name())
}

func TestMissingProgram(t *testing.T) {
	p := smtlib.CVC5()
	p.Path = "no-such-solver"
	_, err := smtlib.New(p, smt.Limits{})
	require.EqualError(t, err, `smtlib: start cvc5: the program "no-such-solver" was not found (apt-get install cvc5): exec: "no-such-solver": executable file not found in $PATH`)
}

// gen makes random terms over three variables and a function.
type gen struct {
	*rand.Rand
	b *smt.Builder
	w ir.Width
}

func (g gen) word(depth int) smt.Term {
	if depth == 0 {
		if g.IntN(4) == 0 {
			return g.b.Const(g.w, g.Uint64())
		}
		return g.b.Var(string("xyz"[g.IntN(3)]), g.w)
	}
	x, y := g.word(g.IntN(depth)), g.word(g.IntN(depth))
	switch g.IntN(6) {
	case 0:
		return g.b.Ite(g.cond(depth-1), x, y)
	case 1:
		cut := ir.Width(g.IntN(int(g.w)-1) + 1)
		return g.b.Concat(g.b.Extract(x, cut-1, 0), g.b.Extract(y, g.w-1, cut))
	case 2:
		cut := ir.Width(g.IntN(int(g.w)-1) + 1)
		return g.b.Resize(g.b.Extract(x, cut-1, 0), cut, g.w, g.IntN(2) == 0)
	}
	return g.b.Bin(sem.BinOp(g.IntN(int(sem.AShr)+1)), g.w, x, y)
}

func (g gen) cond(depth int) smt.Term {
	op := sem.CmpOps()[g.IntN(len(sem.CmpOps()))]
	c := g.b.Cmp(op, g.w, g.word(depth), g.word(depth))
	if g.IntN(3) == 0 {
		c = g.b.Bin([]sem.BinOp{sem.And, sem.Or, sem.Xor}[g.IntN(3)], 1, c, g.b.Cmp(op, g.w, g.word(depth), g.word(depth)))
	}
	return c
}

// satisfiable decides by trying all assignments.
func satisfiable(b *smt.Builder, w ir.Width, assertions []smt.Term) bool {
	for n := uint64(0); n>>(3*w) == 0; n++ {
		m := smt.NewModel()
		for i, name := range []string{"x", "y", "z"} {
			m.Set(name, n>>(i*int(w))&w.Mask())
		}
		all := true
		for _, v := range b.Eval(m, assertions...) {
			all = all && v == 1
		}
		if all {
			return true
		}
	}
	return false
}

// TestAgainstEnumeration compares every solver's answers at 3 bits with what
// trying all assignments says.
func TestAgainstEnumeration(t *testing.T) {
	each(t, smt.Limits{Timeout: time.Minute}, func(t *testing.T, s smt.Solver) {
		count := map[smt.Status]int{}
		for seed := range uint64(40) {
			b := smt.NewBuilder()
			g := gen{rand.New(rand.NewPCG(seed, 1)), b, 3}
			session, err := smt.Open(s, b)
			require.NoError(t, err)
			premise := g.cond(2)
			require.NoError(t, session.Assert(premise))
			for range 4 { // one process or context answers several times
				goals := []smt.Term{g.cond(4), g.cond(3)}
				r, err := session.Check(context.Background(), goals...)
				require.NoError(t, err)
				all := append(goals, premise)
				want := smt.Unsat
				if satisfiable(b, g.w, all) {
					want = smt.Sat
				}
				require.Equal(t, want, r.Status, "seed %d: %s and %s and %s: %s", seed, b.String(all[0]), b.String(all[1]), b.String(premise), r.Reason)
				count[r.Status]++
			}
			require.NoError(t, session.Close())
		}
		t.Log(count)
		require.Greater(t, count[smt.Sat], 10)
		require.Greater(t, count[smt.Unsat], 10)
	})
}

// TestAgree compares the solvers' answers with each other on wide words, with
// uninterpreted functions.
func TestAgree(t *testing.T) {
	answers := map[string][]smt.Status{}
	each(t, smt.Limits{Timeout: time.Minute}, func(t *testing.T, s smt.Solver) {
		for seed := range uint64(15) {
			b := smt.NewBuilder()
			g := gen{rand.New(rand.NewPCG(seed, 2)), b, 16}
			f := func(x smt.Term) smt.Term { return b.Apply("f of|x", 16, x) }
			p := b.Apply("and", 1, g.word(1), b.Extract(g.word(1), 3, 3))
			r, err := s.Check(context.Background(), b, g.cond(2), p,
				b.Eq(f(g.word(1)), b.Bin(sem.Add, 16, f(g.word(1)), b.Const(16, seed&1))), b.Implies(p, g.cond(1)))
			require.NoError(t, err)
			require.NotEqual(t, smt.Unknown, r.Status, "seed %d: %s", seed, r.Reason)
			require.NotEmpty(t, r.Version)
			answers[s.Name()] = append(answers[s.Name()], r.Status)
		}
	})
	for name, got := range answers {
		for other, want := range answers {
			require.Equal(t, want, got, "%s and %s differ", other, name)
		}
	}
}

// hand lists goals over 64-bit words with what becomes of them.
func hand(b *smt.Builder) map[string]struct {
	goal smt.Term
	want smt.Outcome
} {
	x, y := b.Var("x", 64), b.Var("y", 64)
	bin := func(op sem.BinOp, x, y smt.Term) smt.Term { return b.Bin(op, 64, x, y) }
	k := func(v uint64) smt.Term { return b.Const(64, v) }
	f := func(x smt.Term) smt.Term { return b.Apply("f", 64, x) }
	return map[string]struct {
		goal smt.Term
		want smt.Outcome
	}{
		"carry":     {b.Eq(bin(sem.Add, bin(sem.Xor, x, y), bin(sem.Mul, k(2), bin(sem.And, x, y))), bin(sem.Add, x, y)), smt.Proved},
		"mask":      {b.Cmp(sem.ULE, 64, bin(sem.And, x, y), x), smt.Proved},
		"shift":     {b.Cmp(sem.ULE, 64, bin(sem.LShr, x, y), x), smt.Proved},
		"unsigned":  {b.Cmp(sem.ULE, 64, x, bin(sem.Add, x, k(1))), smt.Refuted},
		"abs":       {b.Cmp(sem.SGE, 64, b.Ite(b.Cmp(sem.SLT, 64, x, k(0)), bin(sem.Sub, k(0), x), x), k(0)), smt.Refuted},
		"congruent": {b.Implies(b.Eq(bin(sem.And, x, k(0xff0)), bin(sem.And, y, k(0xff0))), b.Eq(f(b.Extract(x, 11, 4)), f(b.Extract(y, 11, 4)))), smt.Proved},
		"injective": {b.Implies(b.Eq(f(b.Extract(x, 7, 0)), f(b.Extract(y, 7, 0))), b.Eq(b.Extract(x, 7, 0), b.Extract(y, 7, 0))), smt.Refuted},
		"flags":     {b.Eq(b.Bin(sem.Xor, 1, b.Extract(bin(sem.Sub, x, y), 63, 63), b.Extract(bin(sem.And, bin(sem.Xor, x, y), bin(sem.Xor, x, bin(sem.Sub, x, y))), 63, 63)), b.Cmp(sem.SLT, 64, x, y)), smt.Proved},
	}
}

func TestProve(t *testing.T) {
	each(t, smt.Limits{Timeout: time.Minute}, func(t *testing.T, s smt.Solver) {
		for name, q := range hand(smt.NewBuilder()) {
			t.Run(name, func(t *testing.T) {
				b := smt.NewBuilder()
				q = hand(b)[name]
				p, err := smt.Prove(context.Background(), s, b, []smt.Term{b.Not(b.Eq(b.Var("x", 64), b.Const(64, 7)))}, q.goal)
				require.NoError(t, err)
				require.Equal(t, q.want, p.Outcome, "%s: %s", b.String(q.goal), p.Result.Reason)
				if p.Outcome == smt.Refuted {
					require.Zero(t, p.Result.Model.Eval(b, q.goal))
				}
			})
		}
	})
}

// hard asks for factors of the prime 2^61-1, which no solver refutes soon.
func hard(b *smt.Builder) []smt.Term {
	x, y := b.Var("x", 64), b.Var("y", 64)
	lim := b.Const(64, 1<<32)
	return []smt.Term{
		b.Eq(b.Bin(sem.Mul, 64, x, y), b.Const(64, 1<<61-1)), b.Cmp(sem.ULT, 64, x, lim), b.Cmp(sem.ULT, 64, y, lim),
		b.Cmp(sem.ULT, 64, b.Const(64, 1), x), b.Cmp(sem.ULE, 64, x, y), b.Eq(b.Apply("g", 64, x), y),
	}
}

func TestCancel(t *testing.T) {
	each(t, smt.Limits{}, func(t *testing.T, s smt.Solver) {
		b := smt.NewBuilder()
		session, err := smt.Open(s, b)
		require.NoError(t, err)
		require.NoError(t, session.Assert(hard(b)...))
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(300*time.Millisecond, cancel)
		began := time.Now()
		r, err := session.Check(ctx, b.Eq(b.Var("u", 64), b.Var("v", 64)))
		require.NoError(t, err)
		require.Equal(t, smt.Unknown, r.Status)
		require.Equal(t, "context canceled", r.Reason)
		require.Less(t, time.Since(began), 5*time.Second)

		r, err = session.Check(ctx) // ended before it begins
		require.NoError(t, err)
		require.Equal(t, "context canceled", r.Reason)

		r, err = session.Check(context.Background(), b.Eq(b.Var("x", 64), b.Const(64, 0))) // the session lives on
		require.NoError(t, err)
		require.Equal(t, smt.Unsat, r.Status)
		require.NoError(t, session.Close())
	})
}

func TestTimeout(t *testing.T) {
	each(t, smt.Limits{Timeout: 200 * time.Millisecond}, func(t *testing.T, s smt.Solver) {
		b := smt.NewBuilder()
		began := time.Now()
		r, err := s.Check(context.Background(), b, hard(b)...)
		require.NoError(t, err)
		require.Equal(t, smt.Unknown, r.Status)
		require.NotEmpty(t, r.Reason)
		require.Less(t, time.Since(began), 5*time.Second)
		p, err := smt.Prove(context.Background(), s, b, hard(b)[:5], b.Eq(b.Var("x", 64), b.Var("y", 64)))
		require.NoError(t, err)
		require.Equal(t, smt.Undecided, p.Outcome, "a limit is never a proof")
		t.Log(r.Reason)
	})
}

// TestSteps holds that a limit in steps stops at the same place each time.
func TestSteps(t *testing.T) {
	each(t, smt.Limits{Steps: 20_000}, func(t *testing.T, s smt.Solver) {
		var first smt.Result
		for i := range 3 {
			b := smt.NewBuilder()
			r, err := s.Check(context.Background(), b, hard(b)...)
			require.NoError(t, err)
			require.Equal(t, smt.Unknown, r.Status)
			require.NotEmpty(t, r.Reason)
			if i == 0 {
				first = r
			}
			require.Equal(t, first.Reason, r.Reason)
		}
		t.Log(first.Reason)
	})
}

func TestManyGoroutines(t *testing.T) {
	each(t, smt.Limits{Timeout: time.Minute}, func(t *testing.T, s smt.Solver) {
		var group sync.WaitGroup
		shared := smt.NewBuilder()
		goal := shared.Not(hand(shared)["mask"].goal)
		errs := make(chan error, 100)
		for i := range 6 {
			group.Go(func() {
				b := smt.NewBuilder()
				for name, q := range map[string]smt.Term{"own": b.Cmp(sem.ULT, 8, b.Var("x", 8), b.Const(8, uint64(i)+2)), "shared": goal} {
					where, want := b, smt.Sat
					if name == "shared" {
						where, want = shared, smt.Unsat
					}
					r, err := s.Check(context.Background(), where, q)
					if err != nil || r.Status != want {
						errs <- fmt.Errorf("%s: got %v %w, want %v", name, r.Status, err, want)
					}
				}
			})
		}
		group.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
	})
}
