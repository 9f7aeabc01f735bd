package soundness_test

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/soundness"
)

const goldenFile = "testdata/soundness.golden"

// goldenStatus reads the table: domain and operator to status, at 64 bits.
func goldenStatus(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(goldenFile)
	require.NoError(t, err)
	defer f.Close()
	table := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		require.Len(t, words, 3, s.Text())
		table[words[0]+" "+words[1]] = words[2]
	}
	return table
}

// fast are operators that are proved in less than a second or two.
func fast(domain, op string) bool {
	switch domain {
	case "tnum":
		return strings.HasPrefix(op, "alu.") && op != "alu.mul" && !strings.HasSuffix(op, "sh") && !strings.HasPrefix(op, "alu.s") ||
			op == "contract.mulBy" || strings.HasPrefix(op, "lattice.")
	case "interval":
		return op == "contract.addRange" || op == "contract.subRange" || op == "lattice.Leq" || op == "alu.mov"
	}
	return op == "lattice.Meet"
}

// TestGolden holds proofs at 64 bits to the table: every operator is in it,
// and what it calls proved is proved; with -long of all operators, otherwise
// of fast ones. What is proved beyond it is logged, to be entered: a status
// that rests on a time-out is not a failure. A line of the product is proved in
// the table only if the lines of its parts are, as its proof takes them as given;
// and no line is that rests on a contract nobody has proved.
func TestGolden(t *testing.T) {
	solver, err := bitblast.New(smt.Limits{Timeout: 5 * time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	want := goldenStatus(t)
	seen := 0
	for _, d := range soundness.Domains() {
		s, err := soundness.Load(d)
		require.NoError(t, err)
		for _, op := range s.Ops() {
			if op.Width != ir.W64 && !strings.HasPrefix(op.Name, "zext.") && !strings.HasPrefix(op.Name, "sext.") {
				continue
			}
			key := d.Name + " " + op.Name
			require.Contains(t, want, key, "the table lacks an operator")
			seen++
			if !long.Enabled() && !fast(d.Name, op.Name) {
				continue
			}
			v, err := s.Decide(context.Background(), op, solver)
			require.NoError(t, err)
			require.NotEqual(t, smt.Refuted, v.Status, "%s: %s: %s", key, v.Goal, v.Witness())
			if want[key] == "proved" {
				require.Equal(t, smt.Proved, v.Status, "%s: %s %s", key, v.Goal, v.Reason)
			} else if v.Status == smt.Proved {
				t.Logf("%s: proved now, %s in the table: change it", key, want[key])
			}
		}
	}
	require.Equal(t, len(want), seen, "the table has operators that no domain has")
}
