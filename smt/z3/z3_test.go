package z3_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

func TestNew(t *testing.T) {
	s, err := z3.New(smt.Limits{})
	if !z3.Available {
		require.EqualError(t, err, "z3: open libz3: this binary was built without cgo; use a solver over a pipe (smt/smtlib: z3-pipe, cvc5)")
		return
	}
	require.NoError(t, err)
	require.Equal(t, "z3", s.Name())
}
