package jitproof

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/jitproof/x86"
	"github.com/bpfproof/bpfproof/smt"
)

// TestWideQuotient: the upper half of a product is taken for a quotient only where it
// is one, for words around multiples too; wrong multipliers are mostly refused.
func TestWideQuotient(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	taken, wrong := 0, 0
	for range 3000 {
		k := uint64(1 + rng.IntN(31))
		by := 1<<k + 1 + rng.Uint64N(1<<k-1)
		m, _ := bits.Div64(1<<k, 0, by)
		m += rng.Uint64N(3)
		b := smt.NewBuilder()
		a := terms{Builder: b}
		s := rng.IntN(3)
		bound := uint64(math.MaxUint64) >> s
		n := a.Bin(sem.LShr, ir.W64, b.Var("n", ir.W64), b.Const(ir.W64, uint64(s)))
		q := a.Bin(sem.LShr, ir.W64, x86.High[smt.Term](a, ir.W64, n, b.Const(ir.W64, m)), b.Const(ir.W64, k))
		if b.Op(q) != smt.OpUDiv {
			wrong++
			continue
		}
		taken++
		d, _ := b.ConstValue(b.Args(q)[1])
		d >>= s // the division is of the word before it was shifted
		for _, x := range []uint64{0, d, bound, bound / d * d, rng.Uint64N(bound) / d * d} {
			for _, y := range []uint64{x - 1, x, x + 1} {
				if hi, _ := bits.Mul64(y, m); y <= bound {
					require.Equal(t, y/d, hi>>k, "%d: m %d, k %d, d %d", y, m, k, d)
				}
			}
		}
	}
	t.Logf("%d are divisions, %d are not", taken, wrong)
	require.Greater(t, taken, 500)
	require.Greater(t, wrong, 500)
}
