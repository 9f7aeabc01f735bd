package verifier_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/verifier"
	"github.com/bpfproof/bpfproof/verifier/invariant"
	"github.com/bpfproof/bpfproof/verifier/recheck"
)

// TestInvariantsConfirmed: what is accepted of the programs of this package's
// tests is confirmed by the checker, or it names what it does not know.
func TestInvariantsConfirmed(t *testing.T) {
	confirmed := 0
	for _, tt := range append(programs, heldPrograms...) {
		if tt.code != "" {
			continue
		}
		v, err := verifier.New(verifier.Policy{Unprivileged: tt.mode == "unprivileged", StrictAlignment: tt.mode == "strict"})
		require.NoError(t, err)
		p := parse(t, tt.name, tt.text)
		r, err := v.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		data, err := r.Invariants.Data()
		require.NoError(t, err)
		got := recheck.Program(p, data)
		if tt.mode == "unprivileged" {
			require.Equal(t, "a loader without privileges", got.Construct, tt.name)
			continue
		}
		require.NotEqual(t, recheck.Refused, got.Verdict, "%s: record %d, pc %d: %s", tt.name, got.Record, got.PC, got.Reason)
		if got.Verdict == recheck.Confirmed {
			confirmed++
		} else {
			t.Logf("%s: %s", tt.name, got.Reason)
		}
	}
	t.Logf("%d confirmed", confirmed)
	require.Greater(t, confirmed, 50)
}

// TestInvariantsOfRejected: a walk that ends at a refusal has no inductive
// invariants, and one that never began has none.
func TestInvariantsOfRejected(t *testing.T) {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	for _, tt := range []struct {
		text string
		want recheck.Verdict
	}{
		{"r0 = 0\nr0 = r5\nexit", recheck.Refused},
		{"r0 = 0\nexit\nr0 = 1\nexit", recheck.Unknown},
	} {
		p := parse(t, "p", tt.text)
		r, err := v.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		require.Equal(t, verifier.Reject, r.Verdict)
		data, err := r.Invariants.Data()
		require.NoError(t, err)
		require.Equal(t, tt.want, recheck.Program(p, data).Verdict, tt.text)
	}
}

// TestInvariantsAsData: the JSON form names every record with its registers and
// stack, and repeats.
func TestInvariantsAsData(t *testing.T) {
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	p := parse(t, "p", "r0 = 5\n*(u64 *)(r10 - 8) = r1\n*(u32 *)(r10 - 16) = 0\nexit")
	r, err := v.Verify(t.Context(), p, nil)
	require.NoError(t, err)
	var texts []string
	var data invariant.Data
	for range 2 {
		data, err = r.Invariants.Data()
		require.NoError(t, err)
		raw, err := json.Marshal(data)
		require.NoError(t, err)
		texts = append(texts, string(raw))
	}
	require.Equal(t, texts[0], texts[1])
	require.Equal(t, 4, data.Len())
	var got struct {
		Domain  string
		Records []struct {
			PC     int
			Next   []int
			Frames []struct {
				Site  int
				Regs  map[string]struct{ Kind string }
				Stack []struct {
					Off   int
					Bytes string
					Spill *struct{ Kind string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(texts[0]), &got))
	require.Equal(t, verifier.DefaultDomain, got.Domain)
	last := got.Records[3]
	require.Equal(t, 3, last.PC)
	require.Equal(t, []int{3}, got.Records[2].Next)
	require.Equal(t, "scalar", last.Frames[0].Regs["r0"].Kind)
	require.Equal(t, "fp", last.Frames[0].Regs["r10"].Kind)
	require.Equal(t, -8, last.Frames[0].Stack[0].Off)
	require.Equal(t, "ctx", last.Frames[0].Stack[0].Spill.Kind)
	require.Equal(t, "????0000", last.Frames[0].Stack[1].Bytes)
}
