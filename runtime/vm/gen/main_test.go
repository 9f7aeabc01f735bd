package main

import (
	"go/format"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The committed loop is what the tables say.
func TestLoopIsGenerated(t *testing.T) {
	want, err := format.Source(generate())
	require.NoError(t, err)
	got, err := os.ReadFile("../loop.go")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run: go generate ./runtime/vm")
}
