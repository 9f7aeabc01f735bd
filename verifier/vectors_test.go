package verifier_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/golden"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir/ktypes"
	"github.com/bpfproof/bpfproof/verifier"
)

// readVectors reads the file in place, or skips the test where there is none.
func readVectors(t testing.TB) []vectors.Vector {
	all, err := vectors.Read(vectors.Path(".."))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(vectors.Missing)
	}
	require.NoError(t, err)
	return all
}

// judge returns our verdict as the vectors spell it, and why.
func judge(t testing.TB, v *vectors.Vector, policy verifier.Policy) (verdict, why string, r *verifier.Report) {
	engine, err := verifier.New(policy)
	require.NoError(t, err)
	return judgeBy(t, v, engine)
}

func judgeBy(t testing.TB, v *vectors.Vector, engine *verifier.Verifier) (verdict, why string, r *verifier.Report) {
	p, err := v.Program()
	if err != nil {
		return "reject", err.Error(), nil
	}
	r, err = engine.Verify(t.Context(), p, nil)
	if err != nil {
		return "reject", err.Error(), nil
	}
	if len(r.Findings) > 0 {
		why = r.Findings[0].String()
	}
	return r.Verdict.String(), why, r
}

// kernelTypes returns the types of the kernel that gave the vectors their verdicts,
// with those of its test module, or skips the test where they are not to be had.
func kernelTypes(t testing.TB) *ktypes.Types {
	types := ktypes.Running().WithTestModule()
	if err := types.Available(); err != nil {
		t.Skip(err)
	}
	return types
}

// saferThanKernel lists vectors that the kernel rejects and we accept; the
// argument for each is in corpus/vectors-notes.md.
var saferThanKernel = []string{"k61-0145", "k61-1074"}

// TestVectors holds the verdicts of each domain to the golden table. No domain
// may accept what the kernel rejects, but for those with an argument.
func TestVectors(t *testing.T) {
	all := readVectors(t)
	types := kernelTypes(t)
	notes, err := os.ReadFile("../corpus/vectors-notes.md")
	require.NoError(t, err)
	for _, d := range verifier.Domains() {
		t.Run(d, func(t *testing.T) {
			policy := verifier.Policy{Domain: d, Types: types}
			if d != verifier.DefaultDomain {
				policy.Budget.Visits = 50_000
			}
			engine, err := verifier.New(policy)
			require.NoError(t, err)
			table := map[string]int{}
			for i := range all {
				v := &all[i]
				verdict, why, r := judgeBy(t, v, engine)
				if r != nil && r.Stats.Visits < 1000 {
					fresh, other, again := judge(t, v, policy)
					require.Equal(t, fresh+other, verdict+why, "%s: a verifier that has seen other programs differs from a new one", v.ID)
					require.Equal(t, again.Stats.Visits, r.Stats.Visits, v.ID)
				}
				table[fmt.Sprintf("%s -> %s\t%s", v.Expect, verdict, v.Category)]++
				table[fmt.Sprintf("%s -> %s\t(all)", v.Expect, verdict)]++
				if len(v.Needs) == 0 {
					table[fmt.Sprintf("%s -> %s\t(without needs)", v.Expect, verdict)]++
				}
				if verdict == "accept" && v.Expect == "reject" {
					require.Contains(t, saferThanKernel, v.ID, "%s %q: accepted, but the kernel says: %s", v.ID, v.Name, v.Reason)
					require.Contains(t, string(notes), v.ID)
				}
				if verdict != v.Expect {
					t.Logf("%s %q %v: expected %s, got %s: %s", v.ID, v.Name, v.Needs, v.Expect, verdict, why)
				}
			}
			var text strings.Builder
			for _, k := range slices.Sorted(maps.Keys(table)) {
				fmt.Fprintf(&text, "%s\t%d\n", k, table[k])
			}
			golden.EqualString(t, "vectors/"+d+".golden", text.String())
			if d == verifier.DefaultDomain {
				requireAgreement(t, table, "(all)", 0.95)
				requireAgreement(t, table, "(without needs)", 0.98)
			}
		})
	}
}

// requireAgreement demands the share of vectors that have the kernel's verdict.
func requireAgreement(t *testing.T, table map[string]int, row string, least float64) {
	same, total := 0, 0
	for _, want := range []string{"accept", "reject"} {
		for _, got := range []string{"accept", "reject", "unknown"} {
			n := table[want+" -> "+got+"\t"+row]
			total += n
			if want == got {
				same += n
			}
		}
	}
	t.Logf("%s: %d of %d", row, same, total)
	require.GreaterOrEqual(t, float64(same), least*float64(total))
}

// TestVectorsUnprivileged compares with the verdicts that the kernel gives a
// loader without CAP_PERFMON. What the kernel refuses there because of
// speculation, or loops, is not part of the policy.
func TestVectorsUnprivileged(t *testing.T) {
	count := map[string]int{}
	for _, v := range readVectors(t) {
		if v.ExpectUnpriv == "" {
			continue
		}
		verdict, why, _ := judge(t, &v, verifier.Policy{Unprivileged: true, Budget: verifier.Budget{Visits: 50_000}})
		count[v.ExpectUnpriv+" -> "+verdict]++
		if verdict == "reject" {
			require.Equal(t, "reject", v.ExpectUnpriv, "%s %q: %s", v.ID, v.Name, why)
		}
		privileged, _, _ := judge(t, &v, verifier.Policy{Budget: verifier.Budget{Visits: 50_000}})
		if verdict == "accept" {
			require.Equal(t, "accept", privileged, "%s %q: more privilege must not refuse", v.ID, v.Name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d %s", count[k], k)
	}
}
