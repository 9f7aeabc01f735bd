package soundness

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
)

// TestNarrow has the solver prove, at every width, that what is narrowed is the
// same value if its ranges keep to their halves: nothing is left out by that.
func TestNarrow(t *testing.T) {
	s := intervalSubject(t)
	solver, err := bitblast.New(smt.Limits{Steps: 100_000, Timeout: time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	for _, w := range []ir.Width{ir.W64, ir.W32, ir.W16, ir.W8, ir.W1} {
		t.Run(fmt.Sprint(w), func(t *testing.T) {
			c := s.calls(smt.NewBuilder(), false)
			st := &statement{calls: c, w: w}
			e := st.elem("a")
			_, same := st.narrow(w, e)
			full, low := sides(e)
			shape := c.b.And(c.halvesValid(full, w), c.halvesValid(low, max(1, w/2)))
			require.NoError(t, c.err)
			p, err := smt.Prove(t.Context(), solver, c.b, []smt.Term{shape}, same)
			require.NoError(t, err)
			require.Equal(t, smt.Proved, p.Outcome, "%d bits: %s", w, p.Result.Reason)
			p, err = smt.Prove(t.Context(), solver, c.b, nil, same)
			require.NoError(t, err)
			require.Equal(t, smt.Refuted, p.Outcome, "%d bits: any ranges would do", w)
		})
	}
}
