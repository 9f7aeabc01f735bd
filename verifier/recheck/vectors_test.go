package recheck_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// rechecked returns what becomes of an accepted program's invariants, nil if it is
// not accepted. A refusal is a mistake of one of the two, and fails the test.
func rechecked(t *testing.T, v *verifier.Verifier, name string, p *ir.Program) *recheck.Result {
	t.Helper()
	r, err := v.Verify(t.Context(), p, nil)
	if err != nil || r.Verdict != verifier.Accept {
		return nil
	}
	data, err := r.Invariants.Data()
	require.NoError(t, err)
	got := recheck.Program(p, data)
	require.NotEqual(t, recheck.Refused, got.Verdict, "%s: record %d, pc %d: %s", name, got.Record, got.PC, got.Reason)
	if got.Verdict == recheck.Unknown {
		t.Logf("%s: record %d, pc %d: %s", name, got.Record, got.PC, got.Reason)
	}
	return got
}

// mostVisits keeps the default test short: three vectors take hundreds of thousands.
func mostVisits() int { return long.N(50_000, 1_000_000) }

// TestVectors: every accepted vector, in every domain, is confirmed or unknown by
// the name of a construct, few of them.
func TestVectors(t *testing.T) {
	all, err := vectors.Read(vectors.Path("../.."))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(vectors.Missing)
	}
	require.NoError(t, err)
	types := ktypes.Running().WithTestModule() // where there are none, what needs them is not accepted
	count := map[string]int{}
	for _, domain := range verifier.Domains() {
		v, err := verifier.New(verifier.Policy{Domain: domain, Types: types, Budget: verifier.Budget{Visits: mostVisits()}})
		require.NoError(t, err)
		for i := range all {
			p, err := all[i].Program()
			if err != nil {
				continue
			}
			if r := rechecked(t, v, all[i].ID, p); r != nil {
				count[strings.TrimSpace(fmt.Sprintf("%s: %v %s", domain, r.Verdict, r.Construct))]++
			}
		}
	}
	confirmed, total := 0, 0
	for _, k := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%5d %s", count[k], k)
		total += count[k]
		if strings.HasSuffix(k, recheck.Confirmed.String()) {
			confirmed += count[k]
		}
	}
	require.GreaterOrEqual(t, 100*confirmed, 95*total, "what is unknown is named above")
}

// TestCorpus: the invariants of every program of the corpus that is accepted are
// confirmed.
func TestCorpus(t *testing.T) {
	v, err := verifier.New(verifier.Policy{Budget: verifier.Budget{Visits: mostVisits()}})
	require.NoError(t, err)
	n, records := 0, 0
	for _, dir := range []string{"accept", "reject", "bugs", "bench", "examples"} {
		files, err := fs.Glob(corpus.FS, dir+"/*.[so]")
		require.NoError(t, err)
		for _, name := range files {
			for _, p := range programs(t, name) {
				r := rechecked(t, v, name, p)
				if r == nil {
					continue
				}
				require.Equal(t, recheck.Confirmed, r.Verdict, "%s, program %s: %s", name, p.Name, r.Reason)
				n++
				records += r.Checked
			}
		}
	}
	t.Logf("%d programs, %d records", n, records)
	require.Greater(t, n, 50)
}

// programs reads the programs of a file of the corpus.
func programs(t *testing.T, name string) []*ir.Program {
	t.Helper()
	raw, err := fs.ReadFile(corpus.FS, name)
	require.NoError(t, err)
	if strings.HasSuffix(name, ".o") {
		o, err := elf.ReadBytes(name, raw)
		require.NoError(t, err, name)
		return o.Programs
	}
	p, err := asm.Parse(name, string(raw))
	require.NoError(t, err, name)
	return []*ir.Program{p}
}
