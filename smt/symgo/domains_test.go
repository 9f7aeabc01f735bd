package symgo_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

const module = "github.com/bpfproof/bpfproof/"

func domainSources() []symgo.Source {
	return []symgo.Source{
		{Path: module + "ir", Files: ir.GoSource},
		{Path: module + "ir/sem", Files: sem.GoSource},
		{Path: module + "absint", Files: absint.GoSource},
		{Path: module + "absint/tnum", Files: tnum.GoSource},
		{Path: module + "absint/interval", Files: interval.GoSource},
		{Path: module + "absint/reduced", Files: reduced.GoSource},
	}
}

// operator is one method of a domain with its constant arguments.
type operator[E comparable] struct {
	name   string // of the method
	label  string
	consts []any // arguments before the elements
	elems  int
	after  []any // arguments behind the elements
	run    func(d absint.Domain[E], x, y E) []any
}

func operators[E comparable](w ir.Width) (ops []operator[E]) {
	add := func(name, label string, consts []any, elems int, after []any, run func(absint.Domain[E], E, E) []any) {
		ops = append(ops, operator[E]{name, label, consts, elems, after, run})
	}
	for op := ir.Add; op <= ir.MovSX32; op++ {
		if op.MovSX() >= w {
			continue
		}
		add("ALU", "alu."+op.String(), []any{op, w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{absint.ALU(d, op, w, x, y)} })
	}
	for op := sem.Add; op <= sem.AShr; op++ {
		add("Bin", "bin."+op.String(), []any{op, w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Bin(op, w, x, y)} })
	}
	for _, op := range sem.CmpOps() {
		add("Cmp", "cmp."+op.String(), []any{op, w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Cmp(op, w, x, y)} })
		add("Refine", "refine."+op.String(), []any{op, w}, 2, nil, func(d absint.Domain[E], x, y E) []any {
			x, y = d.Refine(op, w, x, y)
			return []any{x, y}
		})
	}
	for _, op := range []ir.SwapOp{ir.ToLE, ir.ToBE, ir.BSwap} {
		for _, n := range []ir.Width{16, 32, 64} {
			add("Swap", fmt.Sprintf("swap.%v%d", op, n), []any{op, n}, 1, nil, func(d absint.Domain[E], x, _ E) []any { return []any{absint.Swap(d, op, n, x)} })
		}
	}
	for _, to := range []ir.Width{8, 32, 64} {
		for _, signed := range []bool{false, true} {
			add("Resize", fmt.Sprintf("resize.%d.%v", to, signed), nil, 1, []any{w, to, signed}, func(d absint.Domain[E], x, _ E) []any {
				return []any{d.Resize(x, w, to, signed)}
			})
		}
	}
	add("Join", "join", []any{w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Join(w, x, y)} })
	add("Meet", "meet", []any{w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Meet(w, x, y)} })
	add("Widen", "widen", []any{w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Widen(w, x, y)} })
	add("Leq", "leq", []any{w}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{d.Leq(w, x, y)} })
	add("Top", "top", []any{w}, 0, nil, func(d absint.Domain[E], _, _ E) []any { return []any{d.Top(w)} })
	add("Valid", "valid", []any{w}, 1, nil, func(d absint.Domain[E], x, _ E) []any { return []any{d.(absint.Validator[E]).Valid(w, x)} })
	add("Contains", "contains", []any{w}, 1, []any{uint64(5)}, func(d absint.Domain[E], x, _ E) []any { return []any{d.Contains(w, x, 5)} })
	add("Bounds", "bounds", []any{w}, 1, nil, func(d absint.Domain[E], x, _ E) []any { return []any{d.(absint.Bounder[E]).Bounds(w, x)} })
	add("RefineLow", "refinelow", []any{w, w / 2}, 2, nil, func(d absint.Domain[E], x, y E) []any { return []any{absint.RefineLow(d, w, w/2, x, y)} })
	return ops
}

// element makes a valid element, by random operations on others.
func element[E comparable](r *rand.Rand, d absint.Domain[E], w ir.Width, depth int) E {
	word := func() uint64 {
		x := r.Uint64()
		switch r.IntN(4) {
		case 0:
			x = 1<<(x%64) + x>>62 - 1
		case 1:
			x = -(x % 40)
		case 2:
			x %= 40
		}
		return x & w.Mask()
	}
	if depth == 0 {
		switch r.IntN(8) {
		case 0:
			return d.Top(w)
		case 1:
			return d.Join(w, d.Const(w, word()), d.Const(w, word()))
		case 2:
			if r.IntN(4) == 0 {
				return d.Bottom()
			}
		}
		return d.Const(w, word())
	}
	x, y := element(r, d, w, depth-1), element(r, d, w, depth-1)
	switch r.IntN(6) {
	case 0, 1:
		return d.Join(w, x, y)
	case 2:
		return d.Bin(sem.BinOp(r.IntN(int(sem.AShr)+1)), w, x, y)
	case 3:
		x, _ = d.Refine(sem.CmpOps()[r.IntN(11)], w, x, y)
	case 4:
		return d.Widen(w, x, y)
	}
	return x
}

// agreeDomain holds that every operator of a domain gives the same compiled
// and translated, on random valid elements.
func agreeDomain[E comparable](t *testing.T, prog *symgo.Program, typ string, d absint.Domain[E], recv func(*symgo.Machine) symgo.Value, w ir.Width, runs int) {
	for _, op := range operators[E](w) {
		fn, err := prog.Func(module + typ + "." + op.name)
		require.NoError(t, err)
		b := smt.NewBuilder()
		m := symgo.NewMachine(prog, b, symgo.Limits{})
		args := []symgo.Value{recv(m)}
		for _, c := range op.consts {
			args = append(args, m.Const(c))
		}
		var vars []smt.Term
		for i := range op.elems {
			args = append(args, m.Var(fmt.Sprintf("e%d", i), fn.Param(len(args))))
			vars = append(vars, symgo.Leaves(args[len(args)-1])...)
		}
		for _, c := range op.after {
			args = append(args, m.Const(c))
		}
		start := time.Now()
		res, err := m.Call(fn, args...)
		require.NoError(t, err, op.label)
		took := time.Since(start)
		terms := []smt.Term{res.Fails}
		for _, v := range res.Results {
			terms = append(terms, symgo.Leaves(v)...)
		}
		t.Logf("%-14s %6d terms, %7d made, height %5d, %3d checks, %v", op.label, b.Stats(terms...).Terms, b.Len(),
			b.Stats(terms...).Height, len(res.Checks), took.Round(time.Microsecond))
		r := rand.New(rand.NewPCG(uint64(w), 3))
		for range runs {
			x, y := element(r, d, w, r.IntN(4)), element(r, d, w, r.IntN(4))
			if op.name == "RefineLow" {
				y = element(r, d, w/2, r.IntN(3))
			}
			in := []uint64{}
			for _, e := range []E{x, y}[:op.elems] {
				in = append(in, words(reflect.ValueOf(e))...)
			}
			model := smt.NewModel()
			for i, v := range vars {
				model.Set(b.Symbol(v).Name, in[i])
			}
			var want []uint64
			for _, v := range op.run(d, x, y) {
				want = append(want, words(reflect.ValueOf(v))...)
			}
			got := b.Eval(model, terms...)
			require.Zero(t, got[0], "%s at %d bits of %+v, %+v can panic", op.label, w, x, y)
			require.Equal(t, want, got[1:], "%s at %d bits of %+v, %+v", op.label, w, x, y)
		}
	}
}

func stateless(*symgo.Machine) symgo.Value { return &symgo.Struct{} }

func TestDomains(t *testing.T) {
	prog, err := symgo.Load(domainSources()...)
	require.NoError(t, err)
	product := func(m *symgo.Machine) symgo.Value {
		fn, err := prog.Func(module + "absint/reduced.New")
		require.NoError(t, err)
		res, err := m.Call(fn)
		require.NoError(t, err)
		return res.Results[0]
	}
	for _, w := range []ir.Width{8, 32, 64} {
		runs := int(w)/8 + 1
		t.Run(fmt.Sprintf("tnum/%d", w), func(t *testing.T) {
			agreeDomain[tnum.T](t, prog, "absint/tnum.Domain", tnum.Domain{}, stateless, w, runs)
		})
		t.Run(fmt.Sprintf("interval/%d", w), func(t *testing.T) {
			agreeDomain[interval.T](t, prog, "absint/interval.Domain", interval.Domain{}, stateless, w, runs)
		})
		if w != 64 {
			continue // the product is large, and its parts have been compared
		}
		t.Run(fmt.Sprintf("reduced/%d", w), func(t *testing.T) {
			agreeDomain[reduced.T](t, prog, "absint/reduced.Domain", reduced.New(), product, w, 2)
		})
	}
}
