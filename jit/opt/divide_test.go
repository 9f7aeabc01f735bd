package opt_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/jit/opt"
)

// TestWideMultiplier: the numbers divide words around every multiple that is likely
// to be wrong.
func TestWideMultiplier(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	found := 0
	for i := range 20_000 {
		d := uint64(i)
		if i > 5000 {
			d = uint64(rng.Uint32() >> rng.IntN(20))
		}
		s, m, k, ok := opt.WideMultiplier(d)
		if !ok {
			continue
		}
		found++
		for _, x := range []uint64{0, d, math.MaxUint64, math.MaxUint64 / d * d, rng.Uint64() / d * d, rng.Uint64()} {
			for _, n := range []uint64{x - 1, x, x + 1} {
				hi, _ := bits.Mul64(n>>s, m)
				require.Equal(t, n/d, hi>>k, "%d / %d: s %d, m %#x, k %d", n, d, s, m, k)
			}
		}
	}
	t.Logf("%d of 20000 divisors", found)
	require.Greater(t, found, 10_000)
}
