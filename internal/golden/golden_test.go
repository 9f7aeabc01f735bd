package golden

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, compare(dir, "a/b.txt", []byte("one\ntwo\n"), false), "run the test with -update to write it")
	require.NoError(t, compare(dir, "a/b.txt", []byte("one\ntwo\n"), true))
	require.FileExists(t, filepath.Join(dir, "a", "b.txt"))
	require.NoError(t, compare(dir, "a/b.txt", []byte("one\ntwo\n"), false))
	require.ErrorContains(t, compare(dir, "a/b.txt", []byte("one\n2\n"), false), "line 2 differs\n got: \"2\"\nwant: \"two\"")
	require.ErrorContains(t, compare(dir, "a/b.txt", []byte("one\ntwo\nthree"), false), "line 3 differs\n got: \"three\"\nwant: \"\"")
	require.ErrorContains(t, compare(dir, "a/b.txt", []byte("one"), false), "line 2 differs\n got: end of file")
	require.ErrorContains(t, compare(dir, "../b.txt", nil, true), "not a path below "+dir)
}

func TestEqual(t *testing.T) {
	EqualString(t, "greeting.txt", "hello\n")
}
