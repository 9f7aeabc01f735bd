package soundness_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
	"github.com/bpfproof/bpfproof/soundness"
)

// goldenFile holds domain, operator, width and status of every line.
const goldenFile = "soundness.golden"

// goldenStatus reads the table.
func goldenStatus(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/" + goldenFile)
	require.NoError(t, err)
	defer f.Close()
	table := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		require.Len(t, words, 4, s.Text())
		table[strings.Join(words[:3], " ")] = words[3]
	}
	return table
}

// chosen are the lines that are proved without -long, with those that they rest
// on: one of each kind that takes little time, and one of the product with all
// that is under it.
func chosen(l soundness.Line) bool {
	name := l.Domain + " " + l.Op
	return l.Width == ir.W64 && slices.Contains([]string{
		"tnum alu.add", "tnum alu.xor", "tnum alu.div", "tnum alu.lsh", "tnum alu.movsx8", "tnum alu.neg", "tnum cmp.ult",
		"tnum refine.eq", "tnum refine.set", "tnum refine.sge", "tnum lattice.Join", "tnum lattice.Meet", "tnum lattice.Leq",
		"tnum lattice.Leq.transitive", "tnum const", "tnum ite", "tnum bounds", "tnum swap.be32", "tnum trunc.64.8", "tnum refine.low16",
		"tnum contract.mulBy", "interval alu.mov", "interval lattice.Leq", "interval contract.addRange", "interval contract.subRange",
		"interval alu.and", "interval refine.ult", "interval lattice.Meet", "tnum+interval alu.and",
	}, name)
}

// subjects reads the source of all domains.
func subjects(t *testing.T) (all []*soundness.Subject) {
	t.Helper()
	for _, d := range soundness.Domains() {
		s, err := soundness.Load(d)
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

// What a long run decides: parts of the table can be written on their own.
var (
	onlyDomain = flag.String("domain", "", "with -long, decide the lines of this domain; those of others stay as the table has them")
	maxSteps   = flag.Uint64("steps", 2_000_000, "conflicts that one query may take")
	proofCache = flag.String("cache", "", "with -long, check proofs and remember them in this folder, as --check-proofs --cache does")
)

// TestGolden holds proofs to the table. With -long every line is decided and
// the table must be exactly what comes out; -long -update writes it. Without,
// the chosen lines are, and what the table calls proved must be proved; the
// others are skipped. The search is limited in conflicts, so that the table does
// not depend on how fast the machine is; the time-out is a net below that. With -domain
// the lines of that domain are decided, and only those are written.
func TestGolden(t *testing.T) {
	solver, err := bitblast.New(smt.Limits{Steps: *maxSteps, Timeout: 20 * time.Minute},
		bitblast.Options{CheckProof: *proofCache != "", CacheDir: *proofCache})
	if err != nil {
		t.Skip(err)
	}
	all := subjects(t)
	if !long.Enabled() {
		testChosen(t, all, solver)
		return
	}
	status := map[soundness.Line]smt.Outcome{}
	run := soundness.Run{Solver: solver, Workers: 2}
	lines := soundness.Find(all, func(l soundness.Line) bool { return *onlyDomain == "" || l.Domain == *onlyDomain })
	require.NoError(t, run.Decide(t.Context(), all, lines, func(v soundness.Verdict) error {
		status[v.Line()] = v.Status
		t.Logf("%v: %v %s %s in %v", v.Line(), v.Status, v.Goal, v.Reason, v.Elapsed.Round(time.Millisecond))
		require.NotEqual(t, smt.Refuted, v.Status, "%v: %s: %s", v.Line(), v.Goal, v.Witness())
		return nil
	}))
	var table strings.Builder
	before := map[string]string{}
	if *onlyDomain != "" {
		before = goldenStatus(t)
	}
	for _, s := range all {
		for _, op := range s.Ops() {
			word, l := "unknown", soundness.Line{Domain: s.Domain.Name, Op: op.Name, Width: op.Width}
			if _, decided := status[l]; !decided && before[fmt.Sprintf("%s %s %d", l.Domain, l.Op, l.Width)] == "proved" || status[l] == smt.Proved {
				word = "proved"
			}
			fmt.Fprintf(&table, "%-14s %-22s %2d %s\n", s.Domain.Name, op.Name, op.Width, word)
		}
	}
	golden.EqualString(t, goldenFile, table.String())
}

// testChosen decides the chosen lines.
func testChosen(t *testing.T, all []*soundness.Subject, solver smt.Solver) {
	want := goldenStatus(t)
	ran := map[soundness.Line]soundness.Verdict{}
	run := soundness.Run{Solver: solver, Workers: 2}
	require.NoError(t, run.Decide(t.Context(), all, soundness.Find(all, chosen), func(v soundness.Verdict) error {
		ran[v.Line()] = v
		return nil
	}))
	lines := soundness.Find(all, func(soundness.Line) bool { return true })
	require.Len(t, want, len(lines), "the table has other lines than the domains")
	for _, l := range lines {
		key := fmt.Sprintf("%s %s %d", l.Domain, l.Op, l.Width)
		require.Contains(t, want, key, "the table lacks a line")
		t.Run(key, func(t *testing.T) {
			v, ok := ran[l]
			if !ok {
				t.Skip("decided with -long only")
			}
			require.NotEqual(t, smt.Refuted, v.Status, "%s: %s", v.Goal, v.Witness())
			if want[key] == "proved" {
				require.Equal(t, smt.Proved, v.Status, "%s %s", v.Goal, v.Reason)
			} else if v.Status == smt.Proved {
				t.Logf("proved now, %s in the table: scripts/long.sh", want[key])
			}
		})
	}
}
