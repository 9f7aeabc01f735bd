package symgo

import (
	"fmt"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// Function is a function or method of a Program.
type Function struct{ fn *ssa.Function }

// Name returns the name with the import path.
func (f *Function) Name() string { return f.fn.String() }

// Param returns the type of a parameter; the receiver is the first.
func (f *Function) Param(i int) types.Type { return f.fn.Params[i].Type() }

// Params returns the number of parameters, with the receiver.
func (f *Function) Params() int { return len(f.fn.Params) }

// Result returns the type of a result.
func (f *Function) Result(i int) types.Type { return f.fn.Signature.Results().At(i).Type() }

// Results returns the number of results.
func (f *Function) Results() int { return f.fn.Signature.Results().Len() }

// Func finds "path/of/package.Function" or "path/of/package.Type.Method". A
// method is that of the type or of pointers to it, and can be promoted. Generic
// functions and types cannot be named; call them from a function that does not
// have type parameters.
func (p *Program) Func(name string) (*Function, error) {
	slash := strings.LastIndex(name, "/") + 1
	dot := strings.Index(name[slash:], ".")
	if dot < 0 {
		return nil, fmt.Errorf("symgo: find %s: not a package and a name", name)
	}
	path, rest := name[:slash+dot], name[slash+dot+1:]
	lp, ok := p.pkgs[path]
	if !ok {
		return nil, fmt.Errorf("symgo: find %s: package %s is not loaded", name, path)
	}
	typeName, method, isMethod := strings.Cut(rest, ".")
	if isMethod {
		return p.method(name, lp, typeName, method)
	}
	fn := p.ssa.Package(lp.types).Func(rest)
	if fn == nil {
		return nil, fmt.Errorf("symgo: find %s: no such function", name)
	}
	if fn.TypeParams().Len() > 0 {
		return nil, fmt.Errorf("symgo: find %s: it has type parameters", name)
	}
	return &Function{fn}, nil
}

func (p *Program) method(name string, lp *loaded, typeName, method string) (*Function, error) {
	obj, ok := lp.types.Scope().Lookup(typeName).(*types.TypeName)
	if !ok {
		return nil, fmt.Errorf("symgo: find %s: no type %s", name, typeName)
	}
	if named, ok := types.Unalias(obj.Type()).(*types.Named); ok && named.TypeParams().Len() > 0 && named.TypeArgs().Len() == 0 {
		return nil, fmt.Errorf("symgo: find %s: the type has type parameters", name)
	}
	for _, t := range []types.Type{obj.Type(), types.NewPointer(obj.Type())} {
		if sel := types.NewMethodSet(t).Lookup(lp.types, method); sel != nil {
			return &Function{p.ssa.MethodValue(sel)}, nil
		}
	}
	return nil, fmt.Errorf("symgo: find %s: no such method", name)
}

// missing says why a function has no body.
func (p *Program) missing(fn *ssa.Function) string {
	if why, ok := p.outside[fn.Pos()]; ok {
		return why
	}
	return "no Go body"
}
