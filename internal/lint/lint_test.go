package lint

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTree applies the rules to the module.
func TestTree(t *testing.T) {
	problems, err := Check("../..")
	require.NoError(t, err)
	for _, p := range problems {
		t.Error(p)
	}
}

// TestRules shows that each rule can fail.
func TestRules(t *testing.T) {
	tests := []struct {
		name, file, text, want string
	}{
		{"upward", "ir/a.go", doc + "package ir\nimport _ \"" + Module + "/verifier\"\n", "ir/a.go:5: layers: ir imports verifier: a higher layer"},
		{"sideways", "verifier/a.go", doc + "package verifier\nimport _ \"" + Module + "/runtime\"\n", "verifier/a.go:5: layers: verifier imports runtime: another group of the same layer"},
		{"backend", "jitproof/a.go", doc + "package jitproof\nimport _ \"" + Module + "/jit/amd64\"\n", "jitproof/a.go:5: layers: jitproof imports jit/amd64: the validator must not know a backend"},
		{"nowhere", "misc/a.go", doc + "package misc\n", "misc/a.go:4: layers: package misc is in no layer: add it to internal/lint/layers.go"},
		{"domain", "verifier/a.go", doc + "package verifier\nimport _ \"" + Module + "/absint/tnum\"\n", "verifier/a.go:5: domains: absint/tnum is chosen by name, in a table of domains"},
		{"unsafe", "ir/a.go", doc + "package ir\nimport _ \"unsafe\"\n", "ir/a.go:5: unsafe: unsafe belongs in runtime/native or a file named *_unsafe.go"},
		{"comment", "ir/a.go", "package ir\n", "ir/a.go:1: docs: package ir needs a comment: what it is, what it must not know, its invariants"},
		{"exported", "ir/a.go", doc + "package ir\ntype T int\n", "ir/a.go:5: docs: exported T has no comment"},
		{"init", "ir/a.go", doc + "package ir\nfunc init() {}\n", "ir/a.go:5: init: no init functions: choices are tables"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, filepath.FromSlash(tt.file))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(tt.text), 0o644))
			problems, err := Check(root)
			require.NoError(t, err)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			require.Contains(t, got, tt.want)
		})
	}
}

const doc = "// One.\n// Two.\n// Three.\n"
