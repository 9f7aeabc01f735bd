package jitproof

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// random returns a term of w bits over three variables.
func random(rng *rand.Rand, b *smt.Builder, w ir.Width, depth int) smt.Term {
	if depth == 0 || rng.IntN(8) == 0 {
		if rng.IntN(3) == 0 {
			return b.Const(w, []uint64{0, 1, 2, w.Mask(), w.SignBit(), rng.Uint64()}[rng.IntN(6)])
		}
		return b.Resize(b.Var([]string{"x", "y", "z"}[rng.IntN(3)], 8), 8, w, rng.IntN(2) == 0)
	}
	sub := func() smt.Term { return random(rng, b, w, depth-1) }
	switch rng.IntN(8) {
	case 0:
		return b.Ite(condition(rng, b, depth-1), sub(), sub())
	case 1:
		return b.Not(sub())
	case 2:
		if w < 4 {
			return sub()
		}
		return b.Resize(random(rng, b, w/2, depth-1), w/2, w, rng.IntN(2) == 0)
	case 3:
		return b.Extract(random(rng, b, min(2*w, 64), depth-1), w-1, 0)
	}
	return b.Bin(sem.BinOp(rng.IntN(int(sem.AShr)+1)), w, sub(), sub())
}

func condition(rng *rand.Rand, b *smt.Builder, depth int) smt.Term {
	c := b.Cmp(sem.CmpOps()[rng.IntN(11)], 8, random(rng, b, 8, depth), random(rng, b, 8, depth))
	if rng.IntN(4) == 0 {
		return b.And(c, condition(rng, b, depth))
	}
	return c
}

// TestFollows: what is said to follow holds in every state that was tried, and
// substitution keeps values where the facts hold.
func TestFollows(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	yes, held := 0, 0
	for range 1500 {
		b := smt.NewBuilder()
		path := []smt.Term{condition(rng, b, 2), condition(rng, b, 2)}
		if rng.IntN(2) == 0 { // an equality, which substitutions use
			path[0] = b.Eq(b.Var("x", 8), random(rng, b, 8, 1))
		}
		before := append([]smt.Term{}, path...)
		goal := condition(rng, b, 3)
		if rng.IntN(3) == 0 { // a goal that does follow: a term and what it is where path[0] holds
			x := random(rng, b, 8, 3)
			goal = b.Eq(x, substitute(b, fact(b, path[0]), x))
		}
		said := follows(b, path, goal, splits)
		if said {
			yes++
		}
		for range 60 {
			m := smt.NewModel()
			for _, name := range []string{"x", "y", "z"} {
				m.Set(name, []uint64{0, 1, 255, 128, rng.Uint64() & 255}[rng.IntN(5)])
			}
			if m.Eval(b, before[0]) == 0 || m.Eval(b, before[1]) == 0 {
				continue
			}
			held++
			if said {
				require.Equal(t, uint64(1), m.Eval(b, goal), "%s, %s gives %s in %v", b.String(before[0]), b.String(before[1]), b.String(goal), m)
			}
			require.Equal(t, m.Eval(b, goal), m.Eval(b, substitute(b, fact(b, before[0]), goal)), "%s under %s in %v", b.String(goal), b.String(before[0]), m)
		}
	}
	t.Logf("%d follow, %d states on the path", yes, held)
	require.Greater(t, yes, 300)
	require.Greater(t, held, 8000)
}

func TestDivisionByMinusOne(t *testing.T) {
	for _, w := range []ir.Width{4, 8} {
		b := smt.NewBuilder()
		x := b.Var("x", w)
		for _, op := range []sem.BinOp{sem.SDiv, sem.SRem, sem.UDiv, sem.URem} {
			y := bin(b, op, w, x, b.Const(w, w.Mask()))
			for v := range uint64(1) << w {
				m := smt.NewModel()
				m.Set("x", v)
				require.Equal(t, sem.Concrete{}.Bin(op, w, v, w.Mask()), m.Eval(b, y), "%v of %d at width %d", op, v, w)
			}
		}
	}
}

// TestQuotient: wherever the rule makes a division of a product and a shift, the
// two are the same number at the edges, where they would differ first, and at
// random; it does for the constants that a compiler takes, and for few others.
func TestQuotient(t *testing.T) {
	b := smt.NewBuilder()
	n := b.Resize(b.Var("n", ir.W32), ir.W32, ir.W64, false)
	rng := rand.New(rand.NewPCG(3, 4))
	taken := 0
	for range 20_000 {
		k := uint64(32 + rng.IntN(32))
		d := uint64(rng.Uint32()) >> rng.IntN(30)
		m := uint64(rng.Uint32())
		if d > 2 && rng.IntN(8) != 0 { // a good one, or next to it
			m = (1<<k-1)/d + uint64(rng.IntN(3))
		}
		if m == 0 || m > math.MaxUint32 {
			continue
		}
		q, ok := quotient(b, b.Bin(sem.Mul, ir.W64, n, b.Const(ir.W64, m)), k)
		if !ok {
			continue
		}
		taken++
		by := (1<<k-1)/m + 1
		for _, x := range edges(rng, by) {
			require.Equal(t, x/by, x*m>>k, "%d: m %d, k %d, d %d, %v", x, m, k, by, q)
		}
	}
	t.Logf("%d of 20000 are divisions", taken)
	require.Greater(t, taken, 500)
}

// edges returns numbers of 32 bits around multiples of d, the greatest too.
func edges(rng *rand.Rand, d uint64) (xs []uint64) {
	const top = math.MaxUint32
	for _, x := range []uint64{0, d, top / d * d, top, uint64(rng.Uint32()) / d * d, uint64(rng.Uint32())} {
		for _, y := range []uint64{x - 1, x, x + 1} {
			if y <= top {
				xs = append(xs, y)
			}
		}
	}
	return xs
}
