package symgo

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// leaveOut takes away what has no type because it uses packages outside of the
// subset: bodies of functions and initialisers of variables. Why is kept for
// those who call or read them.
func (p *Program) leaveOut(lp *loaded) {
	for _, f := range lp.files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				if why := untyped(lp.info, fd); why != "" {
					p.outside[fd.Name.Pos()] = why
					p.noteWrites(lp.info, fd.Body)
					fd.Body = nil
				}
			}
		}
	}
	lp.info.InitOrder = slices.DeleteFunc(lp.info.InitOrder, func(in *types.Initializer) bool {
		why := untyped(lp.info, in.Rhs)
		if why == "" {
			return false
		}
		for _, v := range in.Lhs {
			p.outside[v.Pos()] = why
		}
		return true
	})
}

// noteWrites leaves out every package variable that a body names, if the body
// is not built and so cannot be asked what it writes. Being indexed to be read
// is the one use that is known to be harmless.
func (p *Program) noteWrites(info *types.Info, body *ast.BlockStmt) {
	written, indexed := map[*ast.Ident]bool{}, map[*ast.Ident]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				written[root(e)] = true
			}
		case *ast.IncDecStmt:
			written[root(n.X)] = true
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				written[root(n.X)] = true
			}
		case *ast.IndexExpr:
			if id, ok := n.X.(*ast.Ident); ok {
				indexed[id] = true
			}
		case *ast.Ident:
			v, ok := info.Uses[n].(*types.Var)
			if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() && (written[n] || !indexed[n]) {
				p.outside[v.Pos()] = "use in a function that is outside the subset"
			}
		}
		return true
	})
}

// root returns the variable that an expression names a part of, or nil.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// untyped returns what in n has no type, or "" if everything has one.
func untyped(info *types.Info, n ast.Node) (why string) {
	named := ""
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && !valid(info.Types[sel].Type) {
			if id, ok := sel.X.(*ast.Ident); ok && named == "" {
				if pkg, ok := info.Uses[id].(*types.PkgName); ok {
					named = fmt.Sprintf("use of %s.%s", pkg.Imported().Path(), sel.Sel.Name)
				}
			}
		}
		if e, ok := n.(ast.Expr); ok {
			tv, ok := info.Types[e]
			if ok && !tv.IsBuiltin() && !valid(tv.Type) || !ok && recorded(e) {
				why = "use of a value whose type is outside the subset"
			}
		}
		return true
	})
	if named != "" {
		return named
	}
	return why
}

// recorded reports whether a type is recorded for every such expression in a
// body that has one.
func recorded(e ast.Expr) bool {
	switch e.(type) {
	case *ast.CallExpr, *ast.BinaryExpr, *ast.UnaryExpr, *ast.SelectorExpr, *ast.SliceExpr, *ast.CompositeLit:
		return true
	}
	return false
}

// valid reports whether t is a type that is known, as far as its name tells.
func valid(t types.Type) bool {
	switch t := t.(type) {
	case nil:
		return false
	case *types.Basic:
		return t.Kind() != types.Invalid
	case *types.Pointer:
		return valid(t.Elem())
	case *types.Slice:
		return valid(t.Elem())
	case *types.Array:
		return valid(t.Elem())
	case *types.Signature:
		return valid(t.Params()) && valid(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			if !valid(v.Type()) {
				return false
			}
		}
	}
	return true
}

// findWrites lists package variables that something other than their package's
// initialiser can write: their values cannot be relied upon.
func (p *Program) findWrites() map[*ssa.Global]token.Pos {
	writes := map[*ssa.Global]token.Pos{}
	all := ssautil.AllFunctions(p.ssa)
	for _, fn := range slices.SortedFunc(maps.Keys(all), func(a, b *ssa.Function) int { return int(a.Pos()) - int(b.Pos()) }) {
		if isInit(fn) {
			continue
		}
		for _, b := range fn.Blocks {
			for _, in := range b.Instrs {
				for _, op := range in.Operands(nil) {
					if g, ok := (*op).(*ssa.Global); ok && !reads(in, g) {
						writes[g] = in.Pos()
					}
				}
			}
		}
	}
	return writes
}

// isInit reports whether fn is the initialiser of package variables. Functions
// named init are not: they run later, and count as writers.
func isInit(fn *ssa.Function) bool { return fn.Synthetic == "package initializer" }

// reads reports whether an instruction does no more with an address, and what
// lies there, than read.
func reads(in ssa.Instruction, addr ssa.Value) bool {
	switch in := in.(type) {
	case *ssa.UnOp:
		return in.Op == token.MUL && looks(in)
	case *ssa.FieldAddr:
		return allRead(in)
	case *ssa.IndexAddr:
		return in.X == addr && allRead(in)
	case *ssa.DebugRef:
		return true
	}
	return false
}

func allRead(addr ssa.Value) bool {
	for _, in := range *addr.Referrers() {
		if !reads(in, addr) {
			return false
		}
	}
	return true
}

// looks reports whether a loaded value is only looked into, if it is a
// reference: a map, slice or pointer. Machine.global refuses references that
// lie deeper.
func looks(v ssa.Value) bool {
	switch v.Type().Underlying().(type) {
	case *types.Map, *types.Slice, *types.Pointer:
	default:
		return true
	}
	for _, in := range *v.Referrers() {
		switch in := in.(type) {
		case *ssa.Lookup, *ssa.DebugRef:
			continue
		case *ssa.Call:
			if b, ok := in.Call.Value.(*ssa.Builtin); ok && (b.Name() == "len" || b.Name() == "cap") {
				continue
			}
		}
		if !reads(in, v) {
			return false
		}
	}
	return true
}
