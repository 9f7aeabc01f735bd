// Package golden compares results of tests with files under testdata that are
// committed.
//
// It knows bytes and files, nothing of what they hold.
//
// # Invariants
//
// A comparison never writes, unless the test was started with -update; then it
// writes and passes. A missing file fails. Files are named by slash-separated
// paths below the test's own testdata folder.
//
//	golden.Equal(t, "verify/loop.txt", got)
//
// Run `go test ./some/package -update` to accept new results, and read the
// difference before committing it.
//
// Source: the convention of the Go tree (cmd/gofmt, go/printer).
package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Equal fails the test unless the file testdata/name holds got. A difference
// is reported by its first line.
func Equal(t testing.TB, name string, got []byte) {
	t.Helper()
	if err := compare("testdata", name, got, *update); err != nil {
		t.Error(err)
	}
}

// EqualString is Equal for text.
func EqualString(t testing.TB, name, got string) {
	t.Helper()
	Equal(t, name, []byte(got))
}

// EqualIn is Equal for a file in another folder than testdata, relative to the
// test's own: a document that a test writes.
func EqualIn(t testing.TB, dir, name string, got []byte) {
	t.Helper()
	if err := compare(dir, name, got, *update); err != nil {
		t.Error(err)
	}
}

func compare(dir, name string, got []byte, write bool) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("golden: compare %s: not a path below %s", name, dir)
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if write {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("golden: update %s: %w", name, err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			return fmt.Errorf("golden: update %s: %w", name, err)
		}
		return nil
	}
	want, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("golden: compare %s: %w (run the test with -update to write it)", name, err)
	}
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("golden: compare %s: %s (run the test with -update to accept)", path, difference(got, want))
}

// difference describes the first line in which got and want differ.
func difference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	i := 0
	for i < len(g) && i < len(w) && bytes.Equal(g[i], w[i]) {
		i++
	}
	line := func(lines [][]byte) string {
		if i < len(lines) {
			return fmt.Sprintf("%q", lines[i])
		}
		return "end of file"
	}
	return fmt.Sprintf("line %d differs\n got: %s\nwant: %s\n", i+1, line(g), line(w))
}
