package long

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestN(t *testing.T) {
	was := Enabled()
	t.Cleanup(func() { *enabled = was })
	require.NoError(t, flag.Set("long", "false"))
	require.False(t, Enabled())
	require.Equal(t, 3, N(3, 7))
	require.NoError(t, flag.Set("long", "true"))
	require.True(t, Enabled())
	require.Equal(t, 7, N(3, 7))
}
