package bitblast

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// words returns what the gates compute for terms, under 64 models at a time.
func simulate(t testing.TB, b *smt.Builder, models []*smt.Model, terms []smt.Term) [][]uint64 {
	tr := newTranslator(b, DefaultMaxGates)
	for _, x := range list(b, terms) {
		tr.words[x] = tr.node(x)
	}
	require.False(t, tr.g.full)
	holds := map[uint32]func(i int) bool{} // of inputs
	for x, w := range tr.words {
		if b.Op(x) != smt.OpVar {
			continue
		}
		name := b.Symbol(x).Name
		for bit, l := range w {
			holds[l.gate()] = func(i int) bool { v, _ := models[i].Value(name); return v>>bit&1 == 1 }
		}
	}
	var inputs []uint32
	for i, n := range tr.g.gates {
		if n.kind == kindInput {
			inputs = append(inputs, uint32(i))
		}
	}
	out := make([][]uint64, len(terms))
	for from := 0; from < len(models); from += 64 {
		n := min(64, len(models)-from)
		values := tr.g.values(func(k int) uint64 {
			x := uint64(0)
			for i := range n {
				if holds[inputs[k]](from + i) {
					x |= 1 << i
				}
			}
			return x
		})
		for at, term := range terms {
			for i := range n {
				bit := func(l lit) bool { return values[l.gate()]>>i&1 == 1 != l.negative() }
				out[at] = append(out[at], tr.value(term, bit))
			}
		}
	}
	return out
}

// pairs returns models for all values of x and y.
func pairs(w ir.Width) []*smt.Model {
	var models []*smt.Model
	for x := uint64(0); x <= w.Mask(); x++ {
		for y := uint64(0); y <= w.Mask(); y++ {
			m := smt.NewModel()
			m.Set("x", x)
			m.Set("y", y)
			models = append(models, m)
		}
	}
	return models
}

// TestExhaustive compares every operation with sem.Concrete on all operands of
// small widths: two variables, and up to 4 bits a variable and each constant.
func TestExhaustive(t *testing.T) {
	for w := ir.Width(1); w <= 5; w++ {
		t.Run(fmt.Sprintf("w=%d", w), func(t *testing.T) {
			b, c := smt.NewBuilder(), sem.Concrete{}
			x, y := b.Var("x", w), b.Var("y", w)
			var terms []smt.Term
			var want []func(x, y uint64) uint64
			add := func(t smt.Term, f func(x, y uint64) uint64) { terms, want = append(terms, t), append(want, f) }
			both := func(y smt.Term, value func(y uint64) uint64) {
				for op := sem.Add; op <= sem.AShr; op++ {
					add(b.Bin(op, w, x, y), func(x, y uint64) uint64 { return c.Bin(op, w, x, value(y)) })
					add(b.Bin(op, w, y, x), func(x, y uint64) uint64 { return c.Bin(op, w, value(y), x) })
				}
				for _, op := range sem.CmpOps() {
					add(b.Cmp(op, w, x, y), func(x, y uint64) uint64 { return c.Cmp(op, w, x, value(y)) })
				}
			}
			both(y, func(y uint64) uint64 { return y })
			for k := uint64(0); k <= w.Mask() && w < 5; k++ {
				both(b.Const(w, k), func(uint64) uint64 { return k })
			}
			for to := ir.Width(1); to <= 2*w; to++ {
				for _, signed := range []bool{false, true} {
					add(b.Resize(x, w, to, signed), func(x, y uint64) uint64 { return c.Resize(x, w, to, signed) })
				}
			}
			for lo := range w {
				add(b.Extract(y, w-1, lo), func(x, y uint64) uint64 { return y >> lo })
			}
			add(b.Concat(x, y), func(x, y uint64) uint64 { return x<<w | y })
			add(b.Not(x), func(x, y uint64) uint64 { return ^x & w.Mask() })
			add(b.Ite(b.Cmp(sem.ULT, w, x, y), x, y), func(x, y uint64) uint64 { return min(x, y) })
			models := pairs(w)
			for i, got := range simulate(t, b, models, terms) {
				for j, g := range got {
					vx, _ := models[j].Value("x")
					vy, _ := models[j].Value("y")
					require.Equal(t, want[i](vx, vy), g, "%s at %v", b.String(terms[i]), models[j])
				}
			}
		})
	}
}

// TestEveryOp holds that the operations of the package smt were all met above
// in their own form, not only simplified away.
func TestEveryOp(t *testing.T) {
	b := smt.NewBuilder()
	x, y, z := b.Var("x", 4), b.Var("y", 4), b.Var("z", 4)
	seen := map[smt.Op]bool{}
	var terms []smt.Term
	for op := sem.Add; op <= sem.AShr; op++ {
		terms = append(terms, b.Bin(op, 4, x, y), b.Bin(op, 4, b.Bin(op, 4, x, y), z))
	}
	terms = append(terms, b.Not(x), b.Concat(x, y), b.Extract(x, 2, 1), b.Resize(x, 4, 8, true), b.Eq(x, y),
		b.Cmp(sem.ULT, 4, x, y), b.Cmp(sem.SLT, 4, x, y), b.Ite(b.Eq(x, y), y, z))
	var models []*smt.Model
	for n := range 1 << 12 {
		m := smt.NewModel()
		m.Set("x", uint64(n&15))
		m.Set("y", uint64(n>>4&15))
		m.Set("z", uint64(n>>8))
		models = append(models, m)
	}
	for t := range b.Terms(terms...) {
		seen[b.Op(t)] = true
	}
	for op := smt.OpVar; op <= smt.OpSLT; op++ {
		require.True(t, seen[op] || op == smt.OpApply || op == smt.OpNot, "%v", op)
	}
	for i, got := range simulate(t, b, models, terms) {
		for j, g := range got {
			require.Equal(t, models[j].Eval(b, terms[i]), g, "%s at %v", b.String(terms[i]), models[j])
		}
	}
}

// gen makes random terms over three variables.
type gen struct {
	*rand.Rand
	b   *smt.Builder
	one bool // only one width
}

func (g gen) word(w ir.Width, depth int) smt.Term {
	if depth == 0 {
		if g.IntN(4) == 0 {
			return g.b.Const(w, g.Uint64()>>g.IntN(64))
		}
		return g.b.Var(fmt.Sprintf("%c%d", "xyz"[g.IntN(3)], w), w)
	}
	x, y := g.word(w, g.IntN(depth)), g.word(w, g.IntN(depth))
	switch g.IntN(8) {
	case 0:
		return g.b.Ite(g.cond(w, depth-1), x, y)
	case 1:
		if w > 1 {
			cut := ir.Width(g.IntN(int(w)-1) + 1)
			return g.b.Concat(g.b.Extract(x, cut-1, 0), g.b.Extract(y, w-1, cut))
		}
	case 2:
		if w > 1 && !g.one {
			cut := ir.Width(g.IntN(int(w)-1) + 1)
			return g.b.Resize(g.word(cut, depth-1), cut, w, g.IntN(2) == 0)
		}
	case 3:
		return g.b.Bin(sem.Add, w, g.b.Bin(sem.Sub, w, x, y), g.word(w, depth-1))
	}
	return g.b.Bin(sem.BinOp(g.IntN(int(sem.AShr)+1)), w, x, y)
}

func (g gen) cond(w ir.Width, depth int) smt.Term {
	ops := sem.CmpOps()
	return g.b.Cmp(ops[g.IntN(len(ops))], w, g.word(w, depth), g.word(w, depth))
}

// TestRandomTerms compares graphs of random terms of all widths with their
// evaluation.
func TestRandomTerms(t *testing.T) {
	for seed := range uint64(150) {
		b := smt.NewBuilder()
		g := gen{Rand: rand.New(rand.NewPCG(seed, 1)), b: b}
		w := []ir.Width{1, 2, 3, 7, 8, 13, 16, 31, 32, 33, 63, 64}[g.IntN(12)]
		terms := []smt.Term{g.word(w, 5), g.cond(w, 4)}
		var models []*smt.Model
		for range 64 {
			m := smt.NewModel()
			for _, s := range b.Symbols() {
				m.Set(s.Name, (g.Uint64()>>g.IntN(64)^-uint64(g.IntN(2)))&s.Sort.Result.Mask())
			}
			models = append(models, m)
		}
		for i, got := range simulate(t, b, models, terms) {
			for j, v := range got {
				require.Equal(t, models[j].Eval(b, terms[i]), v, "seed %d: %s at %v", seed, b.String(terms[i]), models[j])
			}
		}
	}
}

// TestModels compares answers at 3 bits with what trying all assignments says,
// for both ways to write the clauses.
func TestModels(t *testing.T) {
	var models []*smt.Model
	for n := range uint64(1 << 9) {
		m := smt.NewModel()
		for i, name := range []string{"x3", "y3", "z3"} {
			m.Set(name, n>>(3*i)&7)
		}
		models = append(models, m)
	}
	for _, tune := range []tuning{{}, {full: true}} {
		s := open(t, smt.Limits{}, Options{CheckProof: true})
		s.tune = tune
		count := map[smt.Status]int{}
		for seed := range uint64(60) {
			b := smt.NewBuilder()
			g := gen{Rand: rand.New(rand.NewPCG(seed, 2)), b: b, one: true}
			c := b.And(g.cond(3, 4), g.cond(3, 3), g.cond(3, 2), g.cond(3, 2))
			want := smt.Unsat
			for _, m := range models {
				if m.Eval(b, c) == 1 {
					want = smt.Sat
				}
			}
			r, err := s.Check(context.Background(), b, c)
			require.NoError(t, err)
			require.Equal(t, want, r.Status, "seed %d: %s: %s", seed, b.String(c), r.Reason)
			require.Equal(t, want == smt.Unsat, r.Proof != nil)
			count[want]++
		}
		require.Greater(t, count[smt.Sat], 10)
		require.Greater(t, count[smt.Unsat], 10)
	}
}
