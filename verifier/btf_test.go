package verifier_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/verifier"
)

// TestUnknownInnerMap: what a map of maps holds may not be known.
func TestUnknownInnerMap(t *testing.T) {
	r := verify(t, verifier.Policy{}, parse(t, "inner", `
		.map outer array_of_maps key 4 value 4 entries 2
		*(u32 *)(r10 - 4) = 0
		r2 = r10
		r2 += -4
		r1 = map[outer]
		call map_lookup_elem
		if r0 == 0 goto out
		r2 = r10
		r2 += -4
		r1 = r0
		call map_lookup_elem
	out:
		r0 = 0
		exit
	`))
	require.Equal(t, verifier.Unknown, r.Verdict)
	require.Contains(t, r.Findings[0].Msg, `the map in map "outer" is not known`)
}
