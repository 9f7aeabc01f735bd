package symgo

import (
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// instruction runs one instruction; it returns false if no path goes on
// behind it in this block.
func (a *activation) instruction(s *state, in ssa.Instruction) bool {
	switch in := in.(type) {
	case *ssa.Phi, *ssa.DebugRef:
	case *ssa.If:
		a.branch(in, s)
		return false
	case *ssa.Jump:
		a.jump(in.Block(), in.Block().Succs[0], s)
		return false
	case *ssa.Return:
		r := &Tuple{}
		for _, v := range in.Results {
			r.Elems = append(r.Elems, a.get(s, v))
		}
		a.returns = append(a.returns, returned{s.path, r, s.mem})
		return false
	case *ssa.Panic:
		a.m.check(s.path, in.Pos(), "panic", a.m.b.Bool(true))
		return false
	case *ssa.Store:
		return a.store(s, a.pointer(s, in.Addr), a.get(s, in.Val))
	case *ssa.MapUpdate:
		a.mapUpdate(s, in)
	case *ssa.Call:
		return a.callInstr(s, in)
	case ssa.Value:
		v, ok := a.lenient(s, in)
		s.env[a.info.index[in]] = v
		return ok
	default:
		a.fail(constructName(in), "outside the subset")
	}
	return true
}

// lenient evaluates an instruction without effects. In an initialiser of
// package variables, what is outside of the subset is no error unless it is
// used.
func (a *activation) lenient(s *state, in ssa.Value) (v Value, ok bool) {
	if a.m.initing == nil {
		return a.eval(s, in)
	}
	defer func() {
		if r := recover(); r != nil {
			f, is := r.(failure)
			if !is {
				panic(r)
			}
			v, ok = undefined{f.err.Construct + ": " + f.err.Reason}, true
		}
	}()
	return a.eval(s, in)
}

// eval returns the value of an instruction; ok is false if it always panics.
func (a *activation) eval(s *state, in ssa.Value) (v Value, ok bool) {
	switch in := in.(type) {
	case *ssa.Alloc:
		return a.alloc(s, in), true
	case *ssa.BinOp:
		return a.binOp(s, in), true
	case *ssa.UnOp:
		return a.unOp(s, in)
	case *ssa.ChangeType:
		return a.get(s, in.X), true
	case *ssa.ChangeInterface:
		return a.get(s, in.X), true
	case *ssa.MakeInterface:
		return Interface{in.X.Type(), a.get(s, in.X)}, true
	case *ssa.Convert:
		return a.convert(s, in), true
	case *ssa.Extract:
		return a.tuple(s, in.Tuple).Elems[in.Index], true
	case *ssa.Field:
		return a.structure(s, in.X).Fields[in.Field], true
	case *ssa.FieldAddr:
		return a.fieldAddr(s, in)
	case *ssa.Index:
		return a.index(s, in)
	case *ssa.IndexAddr:
		return a.indexAddr(s, in)
	case *ssa.Slice:
		return a.slice(s, in), true
	case *ssa.Lookup:
		return a.lookup(s, in), true
	case *ssa.MakeMap:
		return a.makeMap(s), true
	case *ssa.MakeClosure:
		f := Func{fn: in.Fn.(*ssa.Function)}
		for _, v := range in.Bindings {
			f.free = append(f.free, a.get(s, v))
		}
		return f, true
	case *ssa.TypeAssert:
		return a.typeAssert(s, in)
	}
	a.fail(constructName(in.(ssa.Instruction)), "outside the subset")
	return nil, false
}

// constructName names an instruction as Go does.
func constructName(in ssa.Instruction) string {
	switch in := in.(type) {
	case *ssa.Go:
		return "go statement"
	case *ssa.Defer, *ssa.RunDefers:
		return "defer statement"
	case *ssa.Select:
		return "select statement"
	case *ssa.Send:
		return "send statement"
	case *ssa.MakeChan:
		return "make of a channel"
	case *ssa.MakeSlice:
		return "make of a slice"
	case *ssa.Range, *ssa.Next:
		return "range over a map or string"
	case *ssa.SliceToArrayPointer:
		return "conversion of a slice to an array"
	case *ssa.MultiConvert:
		return "conversion by type parameters"
	default:
		return strings.TrimPrefix(strings.TrimPrefix(typeName(in), "*ssa."), "ssa.")
	}
}

// get returns the value of an operand.
func (a *activation) get(s *state, v ssa.Value) Value {
	switch v := v.(type) {
	case *ssa.Const:
		return a.constant(v)
	case *ssa.Global:
		return Pointer{obj: a.m.global(v)}
	case *ssa.Function:
		return Func{fn: v}
	case *ssa.Builtin:
		a.fail("builtin "+v.Name(), "used as a value")
	}
	return s.env[a.info.index[v]]
}

func (a *activation) constant(c *ssa.Const) Value {
	if c.Value == nil {
		return a.m.Zero(c.Type())
	}
	if w, signed, ok := intType(c.Type()); ok {
		x := constant.ToInt(c.Value)
		if i, exact := constant.Int64Val(x); exact {
			return Word{a.m.b.Const(w, uint64(i)), signed}
		}
		u, _ := constant.Uint64Val(x)
		return Word{a.m.b.Const(w, u), signed}
	}
	switch c.Value.Kind() {
	case constant.Bool:
		return Bool{a.m.b.Bool(constant.BoolVal(c.Value))}
	case constant.String:
		return text{constant.StringVal(c.Value)}
	}
	return undefined{"constant of type " + c.Type().String()}
}

// The functions below return operands that must have a certain form.

func (a *activation) want(v Value, what string) {
	if u, ok := v.(undefined); ok {
		a.fail(what, "%s", u.why)
	}
	a.fail(what, "outside the subset: %s", describe(v))
}

func (a *activation) boolean(s *state, v ssa.Value) smt.Term {
	x := a.get(s, v)
	b, ok := x.(Bool)
	if !ok {
		a.want(x, "condition")
	}
	return b.Term
}

func (a *activation) word(s *state, v ssa.Value) Word {
	x := a.get(s, v)
	w, ok := x.(Word)
	if !ok {
		a.want(x, "number")
	}
	return w
}

func (a *activation) structure(s *state, v ssa.Value) *Struct {
	x := a.get(s, v)
	st, ok := x.(*Struct)
	if !ok {
		a.want(x, "struct")
	}
	return st
}

func (a *activation) tuple(s *state, v ssa.Value) *Tuple {
	x := a.get(s, v)
	t, ok := x.(*Tuple)
	if !ok {
		a.want(x, "results")
	}
	return t
}

func (a *activation) pointer(s *state, v ssa.Value) Pointer {
	x := a.get(s, v)
	p, ok := x.(Pointer)
	if !ok {
		a.want(x, "pointer")
	}
	return p
}

// typeAssert asks for the dynamic type, which is known.
func (a *activation) typeAssert(s *state, in *ssa.TypeAssert) (Value, bool) {
	x := a.get(s, in.X)
	i, ok := x.(Interface)
	if !ok {
		a.want(x, "type assertion")
	}
	holds := false
	var v Value = i
	if iface, ok := in.AssertedType.Underlying().(*types.Interface); ok {
		holds = i.typ != nil && types.Implements(i.typ, iface)
	} else if i.typ != nil && types.Identical(i.typ, in.AssertedType) {
		holds, v = true, i.val
	}
	if !holds {
		v = a.m.Zero(in.AssertedType)
	}
	if in.CommaOk {
		return &Tuple{[]Value{v, Bool{a.m.b.Bool(holds)}}}, true
	}
	if !holds {
		a.m.check(s.path, in.Pos(), "failed type assertion", a.m.b.Bool(true))
	}
	return v, holds
}

// unOp runs loads and the unary operators.
func (a *activation) unOp(s *state, in *ssa.UnOp) (Value, bool) {
	switch in.Op {
	case token.MUL:
		return a.load(s, a.pointer(s, in.X))
	case token.NOT:
		return Bool{a.m.b.Not(a.boolean(s, in.X))}, true
	case token.SUB:
		x := a.word(s, in.X)
		w := a.m.b.Width(x.Term)
		return Word{a.m.sub(w, a.m.b.Const(w, 0), x.Term), x.Signed}, true
	case token.XOR:
		x := a.word(s, in.X)
		return Word{a.m.b.Not(x.Term), x.Signed}, true
	}
	a.fail("operator "+in.Op.String(), "outside the subset")
	return nil, false
}

// convert runs conversions between integer types.
func (a *activation) convert(s *state, in *ssa.Convert) Value {
	w, signed, ok := intType(in.Type())
	if !ok {
		a.fail("conversion", "from %v to %v is outside the subset", in.X.Type(), in.Type())
	}
	x := a.word(s, in.X)
	return Word{a.m.b.Resize(x.Term, a.m.b.Width(x.Term), w, x.Signed), signed}
}

// word64 returns an index or amount as a word of 64 bits.
func (a *activation) word64(x Word) smt.Term {
	return a.m.b.Resize(x.Term, a.m.b.Width(x.Term), ir.W64, x.Signed)
}
