package tnum

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/ir"
)

// oneOrder multiplies as Linux 6.18 does: bit by bit of a, with the union of
// both sums where the bit is open, and nothing else.
func oneOrder(a, b T) T {
	acc := T{}
	for i := range 64 {
		sum := add(acc, T{b.Value << i, b.Mask << i})
		acc = choose(a, 1<<i, acc, sum)
	}
	return acc
}

// all returns the tnums of n-bit words.
func all(n ir.Width) []T {
	var ts []T
	for v := range uint64(1) << n {
		for m := range uint64(1) << n {
			if v&m == 0 {
				ts = append(ts, T{v, m})
			}
		}
	}
	return ts
}

// best returns the best tnum of all products at 64 bits.
func best(a, b T) T {
	r := Bottom()
	for x := a.Mask; ; x = (x - 1) & a.Mask {
		for y := b.Mask; ; y = (y - 1) & b.Mask {
			r = Join(r, Const(ir.W64, (a.Value|x)*(b.Value|y)))
			if y == 0 {
				break
			}
		}
		if x == 0 {
			return r
		}
	}
}

// TestMulPrecision: on all pairs of n-bit operands, products not truncated, Mul
// is sound and never worse than the multiplication of Linux 6.18, nor
// MulAnytime than with one split less; how often each is optimal is in the
// golden file.
func TestMulPrecision(t *testing.T) {
	out := "bits  pairs    linux-6.18  percent  tnum.Mul  percent\n"
	anytime := "bits  splits  tnum.MulAnytime  percent\n"
	for n := ir.Width(2); n <= 6; n++ {
		pairs, linux, ours := 0, 0, 0
		var split [MaxSplits]int
		for _, a := range all(n) {
			for _, b := range all(n) {
				want, ref, got := best(a, b), oneOrder(a, b), Mul(ir.W64, a, b)
				if !Leq(want, got) || !Leq(got, ref) {
					require.Fail(t, "mul", "%v * %v\n got: %v\nwant: at least %v, at most %v", a, b, got, want, ref)
				}
				for k := range split {
					more := MulAnytime(ir.W64, a, b, k)
					if !Leq(want, more) || !Leq(more, got) {
						require.Fail(t, "mul", "%v * %v in %d splits\n got: %v\nwant: at least %v, at most %v", a, b, k, more, want, got)
					}
					if got = more; got == want {
						split[k]++
					}
				}
				got = Mul(ir.W64, a, b)
				pairs++
				if ref == want {
					linux++
				}
				if got == want {
					ours++
				}
			}
		}
		percent := func(k int) float64 { return 100 * float64(k) / float64(pairs) }
		out += fmt.Sprintf("%4d %7d %10d %9.2f %9d %8.2f\n", n, pairs, linux, percent(linux), ours, percent(ours))
		for k, hits := range split {
			anytime += fmt.Sprintf("%4d %7d %16d %8.2f\n", n, k, hits, percent(hits))
		}
	}
	golden.EqualString(t, "mul.golden", out+anytime)
}

func TestString(t *testing.T) {
	require.Equal(t, "(0x0; 0xff)", T{0, 0xff}.String())
	require.Equal(t, "0x2a", Const(ir.W64, 42).String())
	require.Equal(t, "bottom", Bottom().String())
}

// TestDecided: cutting the product off where nothing is known loses nothing
// against going on.
func TestDecided(t *testing.T) {
	const n = 5
	for _, a := range all(n) {
		for _, b := range all(n) {
			m := decided(ir.Width(n).Mask(), a, b)
			whole := Meet(mulBy(ir.Width(n).Mask(), a, b), mulBy(ir.Width(n).Mask(), b, a))
			require.Zero(t, ir.Width(n).Mask()&^m&^whole.Mask, "%v * %v = %v, but only %#x can be known", a, b, whole, m)
		}
	}
}
