package explain

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// TestSeedFor: the helper itself gives the number that the seed was made for.
func TestSeedFor(t *testing.T) {
	f, ok := helpers.Lookup(abi.GetPrandomU32)
	require.True(t, ok)
	for _, x := range []uint32{0, 1, 20, 0x7fffffff, 0x80000000, 0xffffffff, 12345678} {
		e := helpers.NewEnv(nil)
		e.Random = seedFor(x)
		got, err := f(e, [5]uint64{})
		require.NoError(t, err)
		require.EqualValues(t, x, got)
		e.Close()
	}
}
