// Package lint holds the rules of the tree that Go's own tools do not check:
// layers, package comments, documentation of exported names, and the sizes of
// files, functions and interfaces. Its tests run the rules over the module, so
// a broken rule is a failed test.
//
// It reads source text only; it must not import any package of the module.
//
//	problems, err := lint.Check("../..")
package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the module's path.
const Module = "github.com/bpfproof/bpfproof"

// The limits on sizes, in lines and methods. The aims are lower: 400 lines a
// file, 60 a function.
const (
	MaxFileLines     = 600
	MaxFuncLines     = 80
	MaxInterfaceSize = 13
)

// Problem is one broken rule.
type Problem struct {
	Pos  string // file:line, relative to the module's root
	Rule string
	Msg  string
}

func (p Problem) String() string { return fmt.Sprintf("%s: %s: %s", p.Pos, p.Rule, p.Msg) }

// source is one parsed Go file.
type source struct {
	dir  string // slash-separated, relative to the root
	name string
	fset *token.FileSet
	file *ast.File
}

func (s *source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s *source) problem(pos token.Pos, rule, format string, args ...any) Problem {
	at := fmt.Sprintf("%s:%d", path.Join(s.dir, s.name), s.fset.Position(pos).Line)
	return Problem{at, rule, fmt.Sprintf(format, args...)}
}

// Check applies every rule to the Go files below root. An error means that a
// file could not be read or parsed.
func Check(root string) ([]Problem, error) {
	sources, err := load(root)
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, s := range sources {
		problems = append(problems, checkLayers(s)...)
		problems = append(problems, checkDomains(s)...)
		problems = append(problems, checkUnsafe(s)...)
		problems = append(problems, checkSizes(s)...)
		if !s.test() {
			problems = append(problems, checkDocs(s)...)
			problems = append(problems, checkInit(s)...)
		}
	}
	return append(problems, checkPackageDocs(sources)...), nil
}

func load(root string) ([]*source, error) {
	var sources []*source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s := &source{dir: path.Dir(filepath.ToSlash(rel)), name: name, fset: token.NewFileSet()}
		s.file, err = parser.ParseFile(s.fset, p, nil, parser.ParseComments)
		sources = append(sources, s)
		return err
	})
	return sources, err
}

func imports(s *source) map[string]token.Pos {
	m := map[string]token.Pos{}
	for _, im := range s.file.Imports {
		if p, err := strconv.Unquote(im.Path.Value); err == nil {
			m[p] = im.Pos()
		}
	}
	return m
}
