package agnicav23

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
)

func cadical(t *testing.T) smt.Solver {
	t.Helper()
	s, err := bitblast.New(smt.Limits{Timeout: 20 * time.Minute}, bitblast.Options{})
	if err != nil {
		t.Skip(err)
	}
	return s
}

// goldenRows are lines of testdata/violations.golden: release, condition,
// operator, columns.
func goldenRows(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/violations.golden")
	require.NoError(t, err)
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

func rowText(v linux58.Release, r Row) string {
	marks := ""
	for _, c := range r.Cells {
		marks += mark(c.Outcome)
	}
	return strings.Join([]string{v.String(), r.Condition.String(), r.Op.Name, marks}, " ")
}

// recorded is a violation with what shows it.
type recorded struct {
	Release   linux58.Release
	Condition Condition
	Op        string
	Column    linux58.Column
	Witness   Witness
}

// TestTable decides the table again: with -long all of it, otherwise some quick
// operators. What is violated is shown by compiled source, as Decide demands;
// what is not is proved.
func TestTable(t *testing.T) {
	solver := cadical(t)
	quick := map[string]bool{"AND": true, "AND_32": true, "OR_32": true}
	var text strings.Builder
	var witnesses []recorded
	for _, v := range []linux58.Release{linux58.V59, linux58.V58} {
		var ops []Operator
		for _, op := range Operators() {
			if (long.Enabled() || quick[op.Name]) && (v == linux58.V59 || strings.HasPrefix(op.Name, "OR")) {
				ops = append(ops, op)
			}
		}
		table, err := Tabulate(t.Context(), solver, v, ops, func(done, total int) { t.Logf("%v: %d of %d operators", v, done, total) })
		require.NoError(t, err)
		for _, r := range append(table.Gen, table.Sro...) {
			t.Logf("%s in %.1f s", rowText(v, r), r.Elapsed.Seconds())
			text.WriteString(rowText(v, r) + "\n")
			if !long.Enabled() {
				require.Contains(t, goldenRows(t), rowText(v, r))
			}
			for _, column := range linux58.Columns() {
				if c := r.Cells[column]; c.Outcome == smt.Refuted {
					witnesses = append(witnesses, recorded{v, r.Condition, r.Op.Name, column, c.Witness})
				}
			}
		}
	}
	if !long.Enabled() {
		return
	}
	golden.EqualString(t, "violations.golden", text.String())
	if flag.Lookup("update").Value.String() == "true" { // any witness is as good as another
		golden.EqualString(t, "witnesses.golden", lines(t, witnesses))
	}
}

// TestSolver: the solver finds what the hunt finds, and its words show it on
// compiled source.
func TestSolver(t *testing.T) {
	s, err := Load(linux58.V59)
	require.NoError(t, err)
	s.Tries = 0
	for name, want := range map[string]string{"AND_32": "xx.xx", "JSGT": "xxxxx"} {
		if name == "JSGT" && !long.Enabled() {
			continue
		}
		op, _ := find(name)
		row, err := s.Decide(t.Context(), cadical(t), op, Gen)
		require.NoError(t, err)
		got := ""
		for _, c := range row.Cells {
			require.False(t, c.Hunted)
			got += mark(c.Outcome)
		}
		require.Equal(t, want, got, name)
	}
}

// lines writes values as JSON, one a line.
func lines[T any](t *testing.T, values []T) string {
	t.Helper()
	var b strings.Builder
	for _, v := range values {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

func readLines[T any](t *testing.T, name string) (values []T) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var v T
		require.NoError(t, json.Unmarshal([]byte(line), &v))
		values = append(values, v)
	}
	return values
}

// TestPublished: what the table decides is the artifact's for Linux 5.9, digit by
// digit, and so are its sums. Rows that are unknown (?) are sound there; they are
// logged and count as nothing.
func TestPublished(t *testing.T) {
	violations, unsound, seen := map[string]int{}, map[string]int{}, map[string]bool{}
	open := 0
	for _, line := range goldenRows(t) {
		words := strings.Fields(strings.TrimPrefix(line, "Linux "))
		require.Len(t, words, 4, line)
		op, ok := find(words[2])
		require.True(t, ok, line)
		cond := map[string]Condition{"gen": Gen, "sro": Sro}[words[1]]
		p, ok := PublishedFor(op, cond)
		if !ok || words[0] != "5.9" {
			continue // JSET is not in the artifact, 5.8 not in its table
		}
		want := ""
		for _, v := range p.Violated {
			want += mark(outcome(v))
		}
		if strings.Contains(words[3], "?") {
			require.Equal(t, "?????", words[3], line)
			require.Equal(t, ".....", want, line)
			open++
		} else {
			require.Equal(t, want, words[3], line)
		}
		seen[words[1]+op.Name] = true
		if n := strings.Count(words[3], "x"); n > 0 {
			violations[words[1]], unsound[words[1]] = violations[words[1]]+n, unsound[words[1]]+1
		}
	}
	t.Logf("%d of 26 operators are unknown under gen", open)
	for _, op := range Operators() {
		require.True(t, seen["gen"+op.Name] || op.Jump == ir.JSET, op.Name)
	}
	require.Equal(t, map[string]int{"gen": publishedGen, "sro": publishedSro}, violations)
	require.Equal(t, map[string]int{"gen": publishedUnsound, "sro": publishedUnsound}, unsound)
}

// TestWitnesses: every violation of the table is shown by compiled source on a
// recorded witness; no solver is asked.
func TestWitnesses(t *testing.T) {
	shown := map[string]bool{}
	for _, r := range readLines[recorded](t, "witnesses.golden") {
		s, op := &Subject{Release: r.Release}, Operator{}
		op, ok := find(r.Op)
		require.True(t, ok)
		require.True(t, s.Shows(op, r.Condition, r.Column, r.Witness), "%+v", r)
		shown[strings.Join([]string{r.Release.String(), r.Condition.String(), r.Op, r.Column.String()}, " ")] = true
	}
	n := 0
	for _, line := range goldenRows(t) {
		at := strings.LastIndex(line, " ")
		for i, column := range linux58.Columns() {
			if line[at+1+i] == 'x' {
				require.True(t, shown[line[:at+1]+column.String()], "%s: no witness for %s", line, column)
				n++
			}
		}
	}
	require.Equal(t, n, len(shown), "witnesses of violations that the table does not have")
}

// TestChance: random registers show no violation where the table has none.
func TestChance(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	for _, line := range goldenRows(t) {
		words := strings.Fields(strings.TrimPrefix(line, "Linux "))
		op, _ := find(words[2])
		s := &Subject{Release: linux58.V59}
		if words[0] == "5.8" {
			s.Release = linux58.V58
		}
		cond := map[string]Condition{"gen": Gen, "sro": Sro}[words[1]]
		for range 3000 {
			w := Witness{X: word(r), Y: word(r)}
			w.D, w.S = around(r, w.X), around(r, w.Y)
			for i, column := range linux58.Columns() {
				if words[3][i] == '.' {
					require.False(t, s.Shows(op, cond, column, w), "%s: %s: %+v", line, column, w)
				}
			}
		}
	}
}
