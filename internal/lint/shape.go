package lint

import (
	"go/ast"
	"go/token"
	"strings"
)

// checkSizes bounds files, functions and interfaces. Composite literals at
// package level (tables) do not count for a file. Generated files are as long
// as what they are generated from asks for: nobody edits them.
func checkSizes(s *source) []Problem {
	if ast.IsGenerated(s.file) {
		return nil
	}
	var problems []Problem
	lines := s.fset.Position(s.file.End()).Line
	for _, d := range s.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			lines -= span(s, g)
		}
	}
	if lines > MaxFileLines {
		problems = append(problems, s.problem(s.file.Package, "size", "file has %d lines, more than %d", lines, MaxFileLines))
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if l := span(s, n); l > MaxFuncLines && !s.test() {
				problems = append(problems, s.problem(n.Pos(), "size", "function %s has %d lines, more than %d", n.Name.Name, l, MaxFuncLines))
			}
		case *ast.InterfaceType:
			if m := n.Methods.NumFields(); m > MaxInterfaceSize {
				problems = append(problems, s.problem(n.Pos(), "size", "interface has %d methods, more than %d", m, MaxInterfaceSize))
			}
		}
		return true
	})
	return problems
}

func span(s *source, n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// checkDocs demands a comment on every exported name of a package.
func checkDocs(s *source) []Problem {
	if s.file.Name.Name == "main" {
		return nil
	}
	var problems []Problem
	miss := func(pos token.Pos, name string) {
		problems = append(problems, s.problem(pos, "docs", "exported %s has no comment", name))
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && receiverExported(d) && !obvious(d) {
				miss(d.Pos(), d.Name.Name)
			}
		case *ast.GenDecl:
			checkDeclDocs(d, miss)
		}
	}
	return problems
}

func checkDeclDocs(d *ast.GenDecl, miss func(token.Pos, string)) {
	for _, spec := range d.Specs {
		switch sp := spec.(type) {
		case *ast.TypeSpec:
			if sp.Name.IsExported() && d.Doc == nil && sp.Doc == nil {
				miss(sp.Pos(), sp.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range sp.Names {
				if n.IsExported() && d.Doc == nil && sp.Doc == nil && sp.Comment == nil {
					miss(n.Pos(), n.Name)
				}
			}
		}
	}
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// obvious names methods whose meaning the language fixes.
func obvious(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	switch d.Name.Name {
	case "Error", "Unwrap", "String", "Len", "Less", "Swap":
		return true
	}
	return false
}

// checkInit refuses registration at start-up.
func checkInit(s *source) []Problem {
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			return []Problem{s.problem(f.Pos(), "init", "no init functions: choices are tables")}
		}
	}
	return nil
}

// checkPackageDocs demands one package comment of at least three lines.
func checkPackageDocs(sources []*source) []Problem {
	best := map[string]int{}
	first := map[string]*source{}
	for _, s := range sources {
		if s.test() {
			continue
		}
		if first[s.dir] == nil {
			first[s.dir] = s
		}
		if s.file.Doc != nil {
			best[s.dir] = max(best[s.dir], strings.Count(s.file.Doc.Text(), "\n"))
		}
	}
	var problems []Problem
	for dir, s := range first {
		if best[dir] < 3 {
			problems = append(problems, s.problem(s.file.Package, "docs", "package %s needs a comment: what it is, what it must not know, its invariants", dir))
		}
	}
	return problems
}
