package symgo

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/ssa"
)

// Source is the Go source of one package: the files with the ending .go at the
// top of a file system, without tests and without those that build constraints
// exclude on this machine.
type Source struct {
	Path  string // import path
	Files fs.FS
}

// Program is a set of packages in SSA form. Machines of several goroutines can
// share it.
type Program struct {
	fset    *token.FileSet
	ssa     *ssa.Program
	pkgs    map[string]*loaded
	outside map[token.Pos]string // what was left out, by the place of its name, and why
	writes  map[*ssa.Global]token.Pos
	mu      sync.Mutex // of infos: machines of several goroutines share a Program
	infos   map[*ssa.Function]*funcInfo
}

// loaded is one type-checked package.
type loaded struct {
	types *types.Package
	info  *types.Info
	files []*ast.File
}

// goVersion is the version of the language that sources are read as.
const goVersion = "go1.26"

// Load reads, checks and builds packages. Every import must be another source
// or belong to the standard library. Of the latter, math/bits and cmp can be
// used; functions that use others can be loaded but not called.
func Load(sources ...Source) (*Program, error) {
	p := &Program{fset: token.NewFileSet(), pkgs: map[string]*loaded{}, outside: map[token.Pos]string{},
		infos: map[*ssa.Function]*funcInfo{}}
	l := &loader{p: p, sources: map[string]Source{}, stack: map[string]bool{}}
	for _, s := range sources {
		if _, ok := l.sources[s.Path]; ok {
			return nil, fmt.Errorf("symgo: load %s: given twice", s.Path)
		}
		l.sources[s.Path] = s
	}
	for _, s := range sources {
		if _, err := l.load(s.Path); err != nil {
			return nil, err
		}
	}
	p.build(l.order)
	return p, nil
}

// Position returns file, line and column of a place in the program; the name
// of a file starts with the import path.
func (p *Program) Position(pos token.Pos) token.Position { return p.fset.Position(pos) }

// loader is the types.Importer of Load.
type loader struct {
	p       *Program
	sources map[string]Source
	stack   map[string]bool
	order   []*loaded
}

// Import returns the package with the given path.
func (l *loader) Import(path string) (*types.Package, error) {
	lp, err := l.load(path)
	if err != nil {
		return nil, err
	}
	return lp.types, nil
}

func (l *loader) load(path string) (*loaded, error) {
	if lp, ok := l.p.pkgs[path]; ok {
		return lp, nil
	}
	if l.stack[path] {
		return nil, fmt.Errorf("symgo: load %s: import cycle", path)
	}
	l.stack[path] = true
	defer delete(l.stack, path)
	files, err := l.parse(path)
	if err != nil {
		return nil, err
	}
	lp := &loaded{files: files, info: newInfo()}
	var first error
	conf := types.Config{Importer: l, Sizes: types.SizesFor("gc", "amd64"), GoVersion: goVersion, Error: func(err error) {
		if first == nil && !l.standard(err, files) {
			first = err
		}
	}}
	lp.types, _ = conf.Check(path, l.p.fset, files, lp.info) // errors go to conf.Error
	if first != nil {
		return nil, fmt.Errorf("symgo: load %s: %w", path, first)
	}
	l.p.leaveOut(lp)
	l.p.pkgs[path] = lp
	l.order = append(l.order, lp)
	return lp, nil
}

func newInfo() *types.Info {
	return &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Instances: map[*ast.Ident]types.Instance{},
		Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		Scopes: map[ast.Node]*types.Scope{}, FileVersions: map[*ast.File]string{},
	}
}

// standard reports whether err is that of importing a package of the standard
// library that is outside of the subset.
func (l *loader) standard(err error, files []*ast.File) bool {
	var te types.Error
	if !errors.As(err, &te) {
		return false
	}
	for _, f := range files {
		for _, im := range f.Imports {
			if im.Pos() <= te.Pos && te.Pos <= im.End() {
				p := strings.Trim(im.Path.Value, `"`)
				_, given := l.sources[p]
				return !given && isStandard(p)
			}
		}
	}
	return false
}

// isStandard reports whether an import path can be one of the standard
// library: its first element has no dot.
func isStandard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}

func (l *loader) parse(pkg string) ([]*ast.File, error) {
	s, ok := l.sources[pkg]
	if !ok {
		if text, ok := standardText(pkg); ok {
			f, err := parser.ParseFile(l.p.fset, pkg, text, parser.SkipObjectResolution)
			return []*ast.File{f}, err
		}
		if isStandard(pkg) {
			return nil, fmt.Errorf("symgo: load %s: outside the subset", pkg)
		}
		return nil, fmt.Errorf("symgo: load %s: no source is given for it", pkg)
	}
	names, err := goFiles(s.Files)
	if err != nil {
		return nil, fmt.Errorf("symgo: load %s: %w", pkg, err)
	}
	var files []*ast.File
	for _, name := range names {
		text, err := fs.ReadFile(s.Files, name)
		if err != nil {
			return nil, fmt.Errorf("symgo: load %s: %w", pkg, err)
		}
		f, err := parser.ParseFile(l.p.fset, path.Join(pkg, name), text, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("symgo: load %s: %w", pkg, err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("symgo: load %s: no Go files", pkg)
	}
	return files, nil
}

// goFiles lists the files of a package as the compiler selects them.
func goFiles(files fs.FS) ([]string, error) {
	ctx := build.Default
	ctx.OpenFile = func(name string) (io.ReadCloser, error) { return files.Open(path.Base(name)) }
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		ok, err := ctx.MatchFile("", name)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// build makes the SSA form of all packages, in the order of their imports.
func (p *Program) build(order []*loaded) {
	p.ssa = ssa.NewProgram(p.fset, ssa.InstantiateGenerics)
	have := map[*types.Package]bool{}
	var pkgs []*ssa.Package
	for _, lp := range order {
		for _, im := range lp.types.Imports() {
			if _, ok := p.pkgs[im.Path()]; !ok && !have[im] {
				have[im] = true
				p.ssa.CreatePackage(im, nil, nil, false) // outside of the subset: nothing in it
			}
		}
		pkgs = append(pkgs, p.ssa.CreatePackage(lp.types, lp.files, lp.info, true))
	}
	for _, pkg := range pkgs {
		pkg.Build()
	}
	p.writes = p.findWrites()
}
