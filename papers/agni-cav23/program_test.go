package agnicav23

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
)

// TestLengths: for every violation of Linux 5.9 there is a program, shown by
// compiled source, of the length that the artifact prints. No solver is asked.
func TestLengths(t *testing.T) {
	found := readLines[Synthesis](t, "programs.golden")
	seen := map[string]int{}
	for _, s := range found {
		require.NotEmpty(t, s.Program)
		require.Equal(t, s.Op, s.Program[len(s.Program)-1].Op)
		require.True(t, s.Program.Shows(linux58.V59, s.Column), "%s of %s: %v", s.Column, s.Op.Name, s.Program)
		require.Zero(t, s.Open, "shorter sequences are not decided")
		require.Equal(t, publishedLength(s.Op, s.Column), len(s.Program), "%s of %s", s.Column, s.Op.Name)
		seen[s.Op.Name+s.Column.String()]++
	}
	want := map[string]int{}
	for _, r := range PublishedRows(Sro) {
		for _, column := range linux58.Columns() {
			if r.Cells[column].Outcome == smt.Refuted {
				want[r.Op.Name+column.String()] = 1
			}
		}
	}
	require.Equal(t, want, seen)
	counts, none := Lengths(found)
	require.Equal(t, [3]int{39, 26, 0}, counts)
	require.Zero(t, none)
}

// TestPrograms looks for the programs again: with -long for all violations,
// otherwise for few. That no shorter one was found is a proof that there is none
// from these instructions.
func TestPrograms(t *testing.T) {
	rows := PublishedRows(Sro)
	if !long.Enabled() {
		var few []Row
		for _, r := range rows {
			if r.Op.Jump == ir.JSGT || r.Op.ALU == ir.And && r.Op.Half {
				for _, c := range []linux58.Column{linux58.U64, linux58.Tnum, linux58.U32} {
					r.Cells[c].Outcome = smt.Proved // not looked for
				}
				few = append(few, r)
			}
		}
		rows = few
	}
	found, err := SynthesiseAll(t.Context(), cadical(t), linux58.V59, rows, 3, func(done, total int) { t.Logf("%d of %d violations", done, total) })
	require.NoError(t, err)
	t.Logf("%s", ProgramTable(found, true))
	for _, s := range found {
		require.Len(t, s.Program, publishedLength(s.Op, s.Column), "%s of %s: %v", s.Column, s.Op.Name, s.Program)
		require.Zero(t, s.Open)
	}
	if long.Enabled() && flag.Lookup("update").Value.String() == "true" { // any program is as good as another
		golden.EqualString(t, "programs.golden", lines(t, found))
	}
}

// TestShows: a program is believed only if its registers contain its words and
// the column is violated.
func TestShows(t *testing.T) {
	found := readLines[Synthesis](t, "programs.golden")
	for _, s := range found {
		held := 0
		for _, column := range linux58.Columns() {
			if !s.Program.Shows(linux58.V59, column) {
				held++
			}
		}
		require.Less(t, held, 5)
		last := s.Program[len(s.Program)-1]
		sound := Program{{last.Op, Operand{From: -1, Known: true, Word: 7}, Operand{From: -1, Known: true, Word: 7}}}
		if !strings.HasPrefix(last.Op.Name, "J") {
			require.False(t, sound.Shows(linux58.V59, s.Column), "%v", sound)
		}
	}
}
