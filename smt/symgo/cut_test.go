package symgo_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
	c "github.com/bpfproof/bpfproof/smt/symgo/testdata/constructs"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// prove decides whether goal follows from the premises.
func prove(t *testing.T, b *smt.Builder, premises []smt.Term, goal smt.Term) smt.Outcome {
	t.Helper()
	if !z3.Available {
		t.Skip("z3 is not linked: needs cgo and libz3-dev")
	}
	s, err := z3.New(smt.Limits{})
	require.NoError(t, err)
	p, err := smt.Prove(context.Background(), s, b, premises, goal)
	require.NoError(t, err)
	require.NotEqual(t, smt.Undecided, p.Outcome)
	return p.Outcome
}

// triangle returns i*(i-1)/2 in 16 bits, for i of 8 bits.
func triangle(b *smt.Builder, i smt.Term) smt.Term {
	i = b.Resize(i, 8, 32, false)
	n := b.Bin(sem.Mul, 32, i, b.Bin(sem.Sub, 32, i, b.Const(32, 1)))
	return b.Extract(n, 16, 1)
}

// term returns a number, or one of the parts of a struct.
func term(v symgo.Value, path ...int) smt.Term {
	for _, i := range path {
		v = v.(*symgo.Struct).Fields[i]
	}
	return symgo.Leaves(v)[0]
}

// TestCut: invariants that hold prove what loops compute for all inputs, and
// ones that do not hold, on entry or after an iteration, fail a check.
func TestCut(t *testing.T) {
	type state = symgo.LoopState
	for _, k := range []struct {
		fn        string
		name      string
		invariant func(b *smt.Builder, at *state) smt.Term
		checks    smt.Outcome // that none fails
		result    smt.Outcome // that it is the triangle number
	}{
		{"Sum", "right", func(b *smt.Builder, at *state) smt.Term {
			i, n := term(at.Var("i")), term(at.Var("n"))
			return b.And(b.Eq(term(at.Var("s")), triangle(b, i)), b.Cmp(sem.ULE, 8, i, n))
		}, smt.Proved, smt.Proved},
		{"Sum", "too weak", func(b *smt.Builder, at *state) smt.Term {
			return b.Eq(term(at.Var("s")), triangle(b, term(at.Var("i"))))
		}, smt.Proved, smt.Refuted},
		{"Sum", "false after an iteration", func(b *smt.Builder, at *state) smt.Term {
			return b.Cmp(sem.ULT, 16, term(at.Var("s")), b.Const(16, 7))
		}, smt.Refuted, smt.Refuted},
		{"Sum", "false", func(b *smt.Builder, at *state) smt.Term { return b.Bool(false) }, smt.Refuted, smt.Proved},
		{"SumIn", "right", func(b *smt.Builder, at *state) smt.Term {
			acc := at.Var("acc")
			ok := b.Cmp(sem.ULE, 8, term(acc, 1), term(at.Var("n")))
			return b.And(ok, b.Eq(term(acc, 0), triangle(b, term(acc, 1))))
		}, smt.Proved, smt.Proved},
	} {
		t.Run(k.fn+" "+k.name, func(t *testing.T) {
			prog := loadConstructs(t)
			fn, err := prog.Func(constructs + "." + k.fn)
			require.NoError(t, err)
			b := smt.NewBuilder()
			m := symgo.NewMachine(prog, b, symgo.Limits{Iterations: 2})
			cut := symgo.Cut{Invariant: func(_ []smt.Term, at *state) smt.Term { return k.invariant(b, at) }}
			require.NoError(t, m.SetCut(fn, 0, cut))
			require.Error(t, m.SetCut(fn, 1, cut))
			n := m.Var("n", fn.Param(0))
			res, err := m.Call(fn, n)
			require.NoError(t, err)
			require.Equal(t, k.checks, prove(t, b, nil, b.Not(res.Fails)))
			goal := b.Eq(term(res.Results[0]), triangle(b, term(n)))
			if k.fn == "SumIn" {
				goal = b.Implies(term(res.Results[1]), goal)
			}
			require.Equal(t, k.result, prove(t, b, res.Assume, goal))
		})
	}
}

// TestMeasure: a measure that falls shows that a loop ends; one that need not
// fall fails a check, as does every one of a loop that does not end.
func TestMeasure(t *testing.T) {
	type state = symgo.LoopState
	for _, k := range []struct {
		fn, name string
		measure  func(b *smt.Builder, at *state) smt.Term
		checks   smt.Outcome
	}{
		{"Sum", "what is left", func(b *smt.Builder, at *state) smt.Term {
			return b.Bin(sem.Sub, 8, term(at.Var("n")), term(at.Var("i")))
		}, smt.Proved},
		{"Sum", "rises", func(b *smt.Builder, at *state) smt.Term { return term(at.Var("i")) }, smt.Refuted},
		{"Sum", "stays", func(b *smt.Builder, at *state) smt.Term { return term(at.Var("n")) }, smt.Refuted},
		{"Popcount", "the rest", func(b *smt.Builder, at *state) smt.Term { return term(at.Var("x")) }, smt.Proved},
		{"Popcount", "the count", func(b *smt.Builder, at *state) smt.Term { return b.Not(term(at.Var("n"))) }, smt.Refuted},
		{"Endless", "the only one", func(b *smt.Builder, at *state) smt.Term { return term(at.Var("x")) }, smt.Refuted},
	} {
		t.Run(k.fn+" "+k.name, func(t *testing.T) {
			prog := loadConstructs(t)
			fn, err := prog.Func(constructs + "." + k.fn)
			require.NoError(t, err)
			b := smt.NewBuilder()
			m := symgo.NewMachine(prog, b, symgo.Limits{Iterations: 2})
			require.NoError(t, m.SetCut(fn, 0, symgo.Cut{
				Invariant: func([]smt.Term, *state) smt.Term { return b.Bool(true) },
				Measure:   func(_ []smt.Term, at *state) smt.Term { return k.measure(b, at) },
			}))
			res, err := m.Call(fn, m.Var("n", fn.Param(0)))
			require.NoError(t, err)
			require.Equal(t, k.checks, prove(t, b, nil, b.Not(res.Fails)))
		})
	}
}

// TestGhosts: a loop that doubles and halves keeps the product, which only
// words beside its variables can tell.
func TestGhosts(t *testing.T) {
	prog := loadConstructs(t)
	fn, err := prog.Func(constructs + ".Popcount")
	require.NoError(t, err)
	b := smt.NewBuilder()
	m := symgo.NewMachine(prog, b, symgo.Limits{})
	x := m.Var("x", fn.Param(0))
	// The ghost counts iterations: x at the head is the argument shifted by it.
	err = m.SetCut(fn, 0, symgo.Cut{
		Ghosts: func(*symgo.LoopState) []smt.Term { return []smt.Term{b.Const(16, 0)} },
		Step: func(g []smt.Term, _, _ *symgo.LoopState) []smt.Term {
			return []smt.Term{b.Bin(sem.Add, 16, g[0], b.Const(16, 1))}
		},
		Invariant: func(g []smt.Term, at *symgo.LoopState) smt.Term {
			shifted := b.Bin(sem.LShr, 16, term(x), g[0])
			few := b.Cmp(sem.ULE, 64, term(at.Var("n")), b.Resize(g[0], 16, 64, false))
			atMost := b.Cmp(sem.ULE, 16, g[0], b.Const(16, 16))
			return b.And(b.Eq(shifted, term(at.Var("x"))), b.And(few, atMost))
		},
	})
	require.NoError(t, err)
	res, err := m.Call(fn, x)
	require.NoError(t, err)
	require.Equal(t, smt.Proved, prove(t, b, nil, b.Not(res.Fails)))
	atMost := b.Cmp(sem.ULE, 64, term(res.Results[0]), b.Const(64, 16))
	require.Equal(t, smt.Proved, prove(t, b, res.Assume, atMost))
	require.Equal(t, smt.Refuted, prove(t, b, nil, atMost), "without the invariant nothing is known")
}

// TestContract: calls are replaced by what is said of them; what they require
// is checked.
func TestContract(t *testing.T) {
	prog := loadConstructs(t)
	half, err := prog.Func(constructs + ".half")
	require.NoError(t, err)
	fn, err := prog.Func(constructs + ".Quarter")
	require.NoError(t, err)
	for _, limit := range []uint64{0xffff, 0x7fff} {
		b := smt.NewBuilder()
		m := symgo.NewMachine(prog, b, symgo.Limits{})
		m.SetContract(half, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
			x, r := term(args[0]), fresh(0)
			below := b.Cmp(sem.ULE, 16, term(r), b.Bin(sem.LShr, 16, x, b.Const(16, 1)))
			return []symgo.Value{r}, below, b.Cmp(sem.ULE, 16, x, b.Const(16, limit))
		})
		x := m.Var("x", fn.Param(0))
		res, err := m.Call(fn, x)
		require.NoError(t, err)
		want := smt.Proved
		if limit < 0xffff {
			want = smt.Refuted
		}
		require.Equal(t, want, prove(t, b, nil, b.Not(res.Fails)))
		below := b.Cmp(sem.ULE, 16, term(res.Results[0]), b.Const(16, 0x3fff))
		require.Equal(t, smt.Proved, prove(t, b, res.Assume, below))
		require.Equal(t, smt.Refuted, prove(t, b, res.Assume, b.Cmp(sem.ULE, 16, term(res.Results[0]), b.Const(16, 0x3ffe))))
	}
}

// TestArithmetic: operators can be left open, but for what is assumed of them.
func TestArithmetic(t *testing.T) {
	prog := loadConstructs(t)
	fn, err := prog.Func(constructs + ".DivU64")
	require.NoError(t, err)
	b := smt.NewBuilder()
	m := symgo.NewMachine(prog, b, symgo.Limits{})
	var axioms []smt.Term
	m.SetArithmetic(func(op sem.BinOp, w ir.Width, x, y smt.Term) (smt.Term, bool) {
		if op != sem.UDiv {
			return smt.Term{}, false
		}
		q := b.Apply("udiv", w, x, y)
		axioms = append(axioms, b.Or(b.Eq(y, b.Const(w, 0)), b.Cmp(sem.ULE, w, q, x)))
		return q, true
	})
	x, y := m.Var("x", fn.Param(0)), m.Var("y", fn.Param(1))
	res, err := m.Call(fn, x, y)
	require.NoError(t, err)
	require.Equal(t, b.Eq(term(y), b.Const(64, 0)), res.Fails)
	require.Equal(t, b.Apply("udiv", 64, term(x), term(y)), term(res.Results[0]))
	goal := b.Cmp(sem.ULE, 64, term(res.Results[0]), term(x))
	require.Equal(t, smt.Proved, prove(t, b, append(axioms, b.Not(res.Fails)), goal))
	require.Equal(t, smt.Refuted, prove(t, b, nil, goal))
}

// TestEvaluate: constants and values under a model come back as Go values.
func TestEvaluate(t *testing.T) {
	prog := loadConstructs(t)
	fn, err := prog.Func(constructs + ".Structs")
	require.NoError(t, err)
	b := smt.NewBuilder()
	m := symgo.NewMachine(prog, b, symgo.Limits{})
	in := c.Pair{A: c.Range{Min: 1, Max: 2}, B: c.Range{Min: 3, Max: 4}, On: true}
	res, err := m.Call(fn, m.Const(in), m.Var("x", fn.Param(1)))
	require.NoError(t, err)
	model := smt.NewModel()
	model.Set("x", 77)
	var out c.Pair
	m.Evaluate(model, res.Results[0], &out)
	want, _, _ := c.Structs(in, 77)
	require.Equal(t, want, out)
	var n int32
	m.Evaluate(nil, m.Const(int32(-5)), &n)
	require.Equal(t, int32(-5), n)
	require.Equal(t, ir.W32, b.Width(symgo.Leaves(m.Const(int32(0)))[0]))
	grow, err := prog.Func(constructs + ".Range.Grow")
	require.NoError(t, err)
	_, err = m.Call(grow, m.Ref(m.Const(in.A)), m.Const(uint8(1)))
	require.ErrorContains(t, err, "to variable ref")
	_, err = m.Call(fn)
	require.ErrorContains(t, err, "0 arguments for 2 parameters")
}
