package agnicav23

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/soundness"
)

// provedLines reads what package soundness holds to be proved at 64 bits.
func provedLines(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../soundness/testdata/soundness.golden")
	require.NoError(t, err)
	proved := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		require.Len(t, words, 4, line)
		if words[2] == "64" && words[3] == "proved" {
			proved[words[0]+" "+words[1]] = true
		}
	}
	return proved
}

// TestOurs: the operators that package soundness has as proved at 64 bits are
// proved here, multiplication and division among them; with -long all of range
// analysis, otherwise some of tnum.
func TestOurs(t *testing.T) {
	proved := provedLines(t)
	for _, op := range []string{"mul", "div", "mod", "sdiv", "smod"} {
		require.True(t, proved["tnum alu."+op], op)
	}
	quick := map[string]bool{"tnum alu.add": true, "tnum alu.sub": true, "tnum alu.and": true, "tnum alu.or": true, "tnum alu.mod": true, "tnum refine.eq": true}
	verdicts, err := Ours(t.Context(), cadical(t), func(domain, op string) bool {
		return Ranged(op) && proved[domain+" "+op] && (long.Enabled() || quick[domain+" "+op])
	}, func(done, total int) { t.Logf("%d of %d operators", done, total) })
	require.NoError(t, err)
	require.NotEmpty(t, verdicts)
	t.Log(OursTable(verdicts))
	for _, v := range verdicts {
		require.Equal(t, smt.Proved, v.Status, "%s %s: %s %s", v.Domain, v.Op, v.Goal, v.Reason)
	}
}

// TestUnknown: what is not decided is printed as unknown, with its reason, and
// counted apart.
func TestUnknown(t *testing.T) {
	table := OursTable([]soundness.Verdict{
		{Domain: "tnum", Op: "alu.mul", Status: smt.Proved},
		{Domain: "interval", Op: "alu.div", Goal: "sound", Reason: "time is up"}})
	require.Contains(t, table, "alu.mul            proved         0.00  8 bits\n")
	require.Contains(t, table, "alu.div            unknown        0.00  none        sound: time is up\n")
	require.Contains(t, table, "2 operators at 64 bits: 1 proved, 0 refuted, 1 unknown\n")
	rows := []Row{{Op: Operators()[0]}}
	require.Contains(t, Table(rows, false), "AND          ?    ?    ?    ?    ? |")
	require.Contains(t, Table(rows, false), "differs")
}

// TestRun: a small run prints the tables and draws the figures, with names and
// units on their axes.
func TestRun(t *testing.T) {
	cadical(t) // skips where it is missing
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Options{Out: &out, Dir: dir, Operators: []string{"AND_32"}, Timeout: 5 * time.Minute,
		Keep: func(domain, op string) bool { return domain == "tnum" && op == "alu.add" }}))
	require.Contains(t, out.String(), "AND_32       x    x    .    x    x |    x    x    .    x    x  same")
	require.Contains(t, out.String(), "4 violations of 1 operators")
	require.Contains(t, out.String(), "1 operators at 64 bits: 1 proved, 0 refuted, 0 unknown")
	for _, name := range []string{"ours", "violations"} {
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		require.NoError(t, err)
		require.Contains(t, string(svg), "time to decide (s)")
		png, err := os.ReadFile(filepath.Join(dir, name+".png"))
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(png, []byte("\x89PNG")))
	}
	require.ErrorContains(t, Run(t.Context(), Options{Out: &out, Dir: dir, Operators: []string{"MUL"}}), `"MUL"`)
}
