package tnumcgo22

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
)

// published holds the numbers that the paper prints (published, better), those
// of all differences, and of those pairs whose outputs are incomparable.
var published = []struct {
	width                         ir.Width
	published, better, any, apart int
}{
	{5, 8, 6, 16, 0}, {6, 180, 139, 363, 0}, {7, 2693, 2113, 5418, 0}, {8, 33002, 26156, 66220, 0}, {9, 359837, 287180, 720250, 2},
}

// TestCounts: the numbers of pairs on which kern_mul and our_mul differ are the
// paper's, digit by digit; width 9 with -long.
func TestCounts(t *testing.T) {
	widest := ir.Width(long.N(8, 9))
	var cs []Comparison
	for _, want := range published {
		if want.width > widest {
			break
		}
		c, err := Compare(t.Context(), Kern, want.width, nil)
		require.NoError(t, err)
		require.Equal(t, []int{want.published, want.better, want.any}, []int{c.Published, c.Better, c.Any}, "width %d", want.width)
		require.Equal(t, want.apart, c.Published-c.Better-c.Worse, "incomparable outputs at width %d", want.width)
		cs = append(cs, c)
	}
	golden.EqualString(t, "counts.golden", CountTable(cs[:4]))
	if widest == 9 {
		golden.EqualString(t, "counts9.golden", CountTable(cs))
	}
}

// TestOptimal: the multiplication of Linux 6.18 is optimal on 81.4 % of 6-bit
// pairs, its predecessor on 38.1 %; ours and the anytime curve are above.
func TestOptimal(t *testing.T) {
	n := ir.Width(long.N(5, 6))
	hits, pairs, err := Optimal(t.Context(), n, nil)
	require.NoError(t, err)
	for i := 3; i < len(hits)-1; i++ {
		require.LessOrEqual(t, hits[i], hits[i+1], "%s and the next", Multiplications()[i].Name)
	}
	if n == 6 {
		percent := func(i int) float64 { return 100 * float64(hits[i]) / float64(pairs) }
		require.InDelta(t, 38.1, percent(2), 0.05, "our_mul")
		require.InDelta(t, 81.4, percent(3), 0.05, "Linux 6.18")
		require.Greater(t, percent(5), 91.8, "no splits")
		require.Greater(t, percent(8), 99.0, "three splits")
	}
}

// TestSound: all multiplications contain all products.
func TestSound(t *testing.T) {
	for _, m := range Multiplications() {
		for _, a := range Tnums(3) {
			for _, b := range Tnums(3) {
				require.True(t, tnum.Leq(best(a, b), m.Mul(a, b)), "%s: %v * %v", m.Name, a, b)
			}
		}
	}
}

// TestRun: a small run prints the tables and draws the figures, with names on
// their axes.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Options{Out: &out, Dir: dir, Widest: 5, Bits: 3, Pairs: 6400}))
	require.Contains(t, out.String(), "    5      59049 |         8         6         2 |        16")
	for name, label := range map[string]string{"fig4-precision": "log2 of the ratio", "fig5-cost": "(ns)", "anytime": "optimal on 3-bit pairs"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		require.NoError(t, err)
		require.True(t, strings.Contains(string(svg), label), "%s has no axis %q", name, label)
		png, err := os.ReadFile(filepath.Join(dir, name+".png"))
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(png, []byte("\x89PNG")))
	}
}

func BenchmarkMul(b *testing.B) {
	ts := Tnums(4)
	for _, m := range Multiplications() {
		b.Run("alg="+strings.ReplaceAll(m.Name, " ", "-"), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				m.Mul(ts[i%len(ts)], ts[i*7%len(ts)])
			}
		})
	}
}
