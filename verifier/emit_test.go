package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/verifier/invariant"
)

// TestKindsAreNumberedAlike: exported relies on it.
func TestKindsAreNumberedAlike(t *testing.T) {
	for k, name := range kindNames {
		switch kind(k) {
		case uninit:
			name = "none"
		case stackPtr:
			name = "fp"
		}
		require.Equal(t, name, invariant.Kind(k).String())
	}
	require.Equal(t, invariant.DynptrRef, invariant.Kind(dynptrPtr))
	require.Equal(t, []invariant.Byte{invariant.Unwritten, invariant.Misc, invariant.Zero, invariant.Spilled},
		[]invariant.Byte{invariant.Byte(byteNone), invariant.Byte(byteMisc), invariant.Byte(byteZero), invariant.Byte(byteSpill)})
	require.Equal(t, []int{atEnd, beyondEnd, slotSize}, []int{invariant.AtEnd, invariant.BeyondEnd, invariant.SlotSize})
}
