package symgo

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

func deref(t types.Type) types.Type { return t.Underlying().(*types.Pointer).Elem() }

func tupleElem(t types.Type, i int) types.Type { return t.(*types.Tuple).At(i).Type() }

// callInstr runs a call; it returns false if the callee never returns.
func (a *activation) callInstr(s *state, in *ssa.Call) bool {
	if b, ok := in.Call.Value.(*ssa.Builtin); ok {
		v, ok := a.builtin(s, b, in)
		s.env[a.info.index[in]] = v
		return ok
	}
	f, args := a.callee(s, &in.Call)
	if f.fn == nil {
		a.m.check(s.path, in.Pos(), "call of nil", a.m.b.Bool(true))
		return false
	}
	results, ok := a.apply(s, f, args)
	if !ok {
		return false
	}
	var v Value = &Tuple{results}
	if f.fn.Signature.Results().Len() == 1 {
		v = results[0]
	}
	s.env[a.info.index[in]] = v
	return true
}

// callee finds out what is called, and with what. The method of an interface
// is that of its dynamic type.
func (a *activation) callee(s *state, call *ssa.CallCommon) (f Func, args []Value) {
	x := a.get(s, call.Value)
	if !call.IsInvoke() {
		f, ok := x.(Func)
		if !ok {
			a.want(x, "call")
		}
		for _, v := range call.Args {
			args = append(args, a.get(s, v))
		}
		return f, args
	}
	i, ok := x.(Interface)
	if !ok {
		a.want(x, "call of interface method "+call.Method.Name())
	}
	if i.typ == nil {
		return Func{}, nil
	}
	f.fn = a.m.prog.ssa.LookupMethod(i.typ, call.Method.Pkg(), call.Method.Name())
	args = append(args, i.val)
	for _, v := range call.Args {
		args = append(args, a.get(s, v))
	}
	return f, args
}

// apply runs a function that is called.
func (a *activation) apply(s *state, f Func, args []Value) (results []Value, ok bool) {
	m := a.m
	if c, ok := m.contract[f.fn]; ok {
		if results, said, ok := a.applyContract(s, c, f, args); said {
			return results, ok
		}
	}
	if isInit(f.fn) {
		return nil, true // runs when it is needed
	}
	if f.fn.Blocks == nil {
		if f.fn.Pkg != nil && f.fn.Pkg.Pkg.Path() == "math/bits" {
			return a.bits(f.fn, args), true
		}
		a.fail("call of "+f.fn.String(), "%s", m.prog.missing(f.fn))
	}
	out := m.run(f.fn, args, f.free, s.path, s.mem)
	s.mem = out.mem
	return out.results, out.returns
}

// builtin runs the builtin functions.
func (a *activation) builtin(s *state, b *ssa.Builtin, in *ssa.Call) (Value, bool) {
	args := in.Call.Args
	switch b.Name() {
	case "len", "cap":
		return a.length(s, b.Name(), args[0]), true
	case "min", "max":
		return a.extreme(s, b.Name(), args), true
	case "ssa:wrapnilchk":
		p := a.pointer(s, args[0])
		if p.obj == nil {
			a.m.check(s.path, in.Pos(), "nil dereference", a.m.b.Bool(true))
		}
		return p, p.obj != nil
	}
	a.fail("builtin "+b.Name(), "outside the subset")
	return nil, false
}

func (a *activation) length(s *state, name string, arg ssa.Value) Value {
	n := 0
	switch x := a.get(s, arg).(type) {
	case *Array:
		n = len(x.Elems)
	case Pointer:
		n = arrayLen(arg.Type())
	case slice:
		n = x.n
		if name == "cap" {
			n = x.c
		}
	case text:
		n = len(x.s)
	default:
		a.want(x, name)
	}
	return Word{a.m.b.Const(ir.W64, uint64(n)), true}
}

func (a *activation) extreme(s *state, name string, args []ssa.Value) Value {
	r := a.word(s, args[0])
	w := a.m.b.Width(r.Term)
	op := sem.ULT
	if r.Signed {
		op = sem.SLT
	}
	for _, arg := range args[1:] {
		x := a.word(s, arg).Term
		c := a.m.b.Cmp(op, w, x, r.Term)
		if name == "max" {
			c = a.m.b.Cmp(op, w, r.Term, x)
		}
		r.Term = a.m.b.Ite(c, x, r.Term)
	}
	return r
}
