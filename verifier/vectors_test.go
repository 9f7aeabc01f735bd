package verifier_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/vectors"
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
	p, err := v.Program()
	if err != nil {
		return "reject", err.Error(), nil
	}
	engine, err := verifier.New(policy)
	require.NoError(t, err)
	r, err = engine.Verify(t.Context(), p, nil)
	if err != nil {
		return "reject", err.Error(), nil
	}
	if len(r.Findings) > 0 {
		why = r.Findings[0].String()
	}
	return r.Verdict.String(), why, r
}

// saferThanKernel lists vectors that the kernel rejects and we accept, each
// with the argument why the program is safe.
var saferThanKernel = map[string]string{
	"k61-0145": "a shift by a known register of 32 or more is known exactly, since amounts are masked; the kernel gives up on it",
	"k61-1074": "the 32-bit constant 20 spilled at fp-4 is kept, and 20 bytes of packet were checked; the kernel keeps 32-bit spills at multiples of 8 only",
}

func TestVectors(t *testing.T) {
	all := readVectors(t)
	for _, d := range verifier.Domains() {
		t.Run(d, func(t *testing.T) {
			policy := verifier.Policy{Domain: d}
			least := 1030 // of 1365, for the default domain
			if d != verifier.DefaultDomain {
				policy.Budget.Visits, least = 50_000, 900
			}
			count := map[string]int{}
			for i := range all {
				v := &all[i]
				verdict, why, _ := judge(t, v, policy)
				count[v.Expect+" -> "+verdict]++
				if verdict == "accept" && v.Expect == "reject" {
					require.Contains(t, saferThanKernel, v.ID, "%s %q: accepted, but the kernel says: %s", v.ID, v.Name, v.Reason)
				}
				if verdict == "reject" && v.Expect == "accept" {
					t.Logf("%s %q: the kernel accepts, we say: %s", v.ID, v.Name, why)
				}
			}
			for _, k := range slices.Sorted(maps.Keys(count)) {
				t.Logf("%4d %s", count[k], k)
			}
			require.GreaterOrEqual(t, count["accept -> accept"]+count["reject -> reject"], least, "same verdict as the kernel")
		})
	}
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
