package bitblast

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt"
)

func open(t testing.TB, l smt.Limits, o Options) *solver {
	if _, err := exec.LookPath(program); err != nil && o.Path == "" {
		t.Skip("cadical is not installed")
	}
	s, err := New(l, o)
	require.NoError(t, err)
	return s.(*solver)
}
