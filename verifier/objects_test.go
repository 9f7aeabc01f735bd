package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/verifier"
)

// TestLocksOfObjects: what the values of an object's maps hold is known, so a
// lock is used as one and not written over.
func TestLocksOfObjects(t *testing.T) {
	o, err := elf.Load("../ir/elf/testdata/locks.o")
	require.NoError(t, err)
	v, err := verifier.New(verifier.Policy{})
	require.NoError(t, err)
	want := map[string]verifier.Verdict{"count": verifier.Accept, "overwrite": verifier.Reject}
	require.Len(t, o.Programs, len(want))
	for _, p := range o.Programs {
		r, err := v.Verify(t.Context(), p, nil)
		require.NoError(t, err)
		require.Equal(t, want[p.Name], r.Verdict, "%s: %v", p.Name, r.Findings)
		if r.Verdict == verifier.Reject {
			require.Equal(t, verifier.MapAccess, r.Findings[0].Code)
			require.Contains(t, r.Findings[0].Msg, "bpf_spin_lock cannot be accessed directly")
		}
	}
}
