package interval

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
)

// ranges returns the empty range and all that lie between lo and hi.
func ranges(lo, hi uint64) []Range {
	rs := []Range{noRange()}
	for i := lo; i <= hi; i++ {
		for j := i; j <= hi; j++ {
			rs = append(rs, Range{i, j})
		}
	}
	return rs
}

// TestAttained: that every bound is attained is that settling changes nothing,
// for all ranges of words of 2 and 4 bits.
func TestAttained(t *testing.T) {
	for _, w := range []ir.Width{2, 4} {
		h := half(w)
		settledOnes := 0
		for _, fp := range ranges(0, w.Mask()>>1) {
			for _, fn := range ranges(w.SignBit(), w.Mask()) {
				for _, lp := range ranges(0, h.Mask()>>1) {
					for _, ln := range ranges(h.SignBit(), h.Mask()) {
						x := T{Halves{fp, fn}, Halves{lp, ln}}
						want := settle(w, x) == x
						if want {
							settledOnes++
						}
						if x.attained(h.Mask()) != want {
							require.Fail(t, "attained", "%d bits: %+v\n got: %v\nwant: %v", w, x, !want, want)
						}
					}
				}
			}
		}
		require.NotZero(t, settledOnes)
	}
}
