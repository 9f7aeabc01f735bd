package symgo_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// TestEmbedded: what is embedded is what is compiled, file by file.
func TestEmbedded(t *testing.T) {
	for _, s := range domainSources() {
		dir := filepath.Join("..", "..", strings.TrimPrefix(s.Path, module))
		onDisk, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		embedded, err := fs.Glob(s.Files, "*.go")
		require.NoError(t, err)
		require.Len(t, embedded, len(onDisk), s.Path)
		for _, name := range embedded {
			have, err := fs.ReadFile(s.Files, name)
			require.NoError(t, err)
			want, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, string(want), string(have), "%s/%s", s.Path, name)
		}
	}
}

func source(path, text string) symgo.Source {
	return symgo.Source{Path: path, Files: fstest.MapFS{"a.go": {Data: []byte(text)}}}
}

// TestLoadErrors: what cannot be loaded is one clear error.
func TestLoadErrors(t *testing.T) {
	for _, k := range []struct {
		name    string
		sources []symgo.Source
		want    string
	}{
		{"syntax", []symgo.Source{source("x.org/a", "package a\nfunc {")}, "x.org/a/a.go:2:6"},
		{"types", []symgo.Source{source("x.org/a", "package a\nvar x int = true\n")}, "x.org/a/a.go:2:13"},
		{"missing", []symgo.Source{source("x.org/a", "package a\nimport _ \"x.org/b\"\n")}, "load x.org/b: no source is given"},
		{"twice", []symgo.Source{source("x.org/a", "package a"), source("x.org/a", "package a")}, "given twice"},
		{"cycle", []symgo.Source{source("x.org/a", "package a\nimport _ \"x.org/b\""), source("x.org/b", "package b\nimport _ \"x.org/a\"")}, "import cycle"},
		{"empty", []symgo.Source{{Path: "x.org/a", Files: fstest.MapFS{}}}, "no Go files"},
	} {
		t.Run(k.name, func(t *testing.T) {
			_, err := symgo.Load(k.sources...)
			require.ErrorContains(t, err, k.want)
		})
	}
}

// TestFiles: tests and files for other machines are not part of a package.
func TestFiles(t *testing.T) {
	files := fstest.MapFS{
		"a.go":         {Data: []byte("package a\n\nfunc F() int { return n }\n")},
		"n_linux.go":   {Data: []byte("package a\n\nconst n = 1\n")},
		"n_windows.go": {Data: []byte("package a\n\nconst n = 2\n")},
		"n_tag.go":     {Data: []byte("//go:build never\n\npackage a\n\nconst n = 3\n")},
		"a_test.go":    {Data: []byte("package a_test\n")},
	}
	prog, err := symgo.Load(symgo.Source{Path: "x.org/a", Files: files})
	require.NoError(t, err)
	fn, err := prog.Func("x.org/a.F")
	require.NoError(t, err)
	b := smt.NewBuilder()
	res, err := symgo.NewMachine(prog, b, symgo.Limits{}).Call(fn)
	require.NoError(t, err)
	require.Equal(t, []smt.Term{b.Const(64, 1)}, symgo.Leaves(res.Results[0]))
}

// TestFuncErrors: names that do not name a function.
func TestFuncErrors(t *testing.T) {
	prog := loadConstructs(t)
	for _, name := range []string{"x.org/a.F", constructs, constructs + ".Nothing", constructs + ".Range.Nothing",
		constructs + ".reduce", constructs + ".list.add", constructs + ".table.X"} {
		_, err := prog.Func(name)
		require.ErrorContains(t, err, "symgo: find "+name)
	}
}
