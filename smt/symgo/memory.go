package symgo

import (
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// alloc makes a variable, zero. One whose address stays in the function is
// the same every time, as nothing else can still refer to it.
func (a *activation) alloc(s *state, in *ssa.Alloc) Value {
	obj := a.locals[in]
	if obj == nil || in.Heap {
		obj = a.m.object(in.Comment, nil)
		a.locals[in] = obj
	}
	s.mem[obj] = a.m.Zero(in.Type().Underlying().(*types.Pointer).Elem())
	return Pointer{obj: obj}
}

// contents returns what a variable holds.
func (a *activation) contents(s *state, obj *object) Value {
	if v, ok := s.mem[obj]; ok {
		return v
	}
	if obj.global != nil {
		return a.globalValue(obj)
	}
	if v, ok := a.m.initial[obj]; ok {
		return v
	}
	a.fail("pointer", "variable %s is out of reach", obj.name)
	return nil
}

// load reads what p points to; ok is false if p is nil, which panics.
func (a *activation) load(s *state, p Pointer) (v Value, ok bool) {
	if p.obj == nil {
		a.m.check(s.path, a.at, "nil dereference", a.m.b.Bool(true))
		return nil, false
	}
	v = a.contents(s, p.obj)
	for _, st := range p.path {
		v = a.part(v, st)
	}
	return v, true
}

// part returns a field or an element.
func (a *activation) part(v Value, st step) Value {
	if !st.at.Valid() {
		x, ok := v.(*Struct)
		if !ok {
			a.want(v, "field")
		}
		return x.Fields[st.field]
	}
	x, ok := v.(*Array)
	if !ok {
		a.want(v, "element")
	}
	return a.m.element(x, st.at)
}

// element returns the element with an index that is within bounds.
func (m *Machine) element(x *Array, at smt.Term) Value {
	n := len(x.Elems)
	if i, ok := m.b.ConstValue(at); ok {
		return x.Elems[min(i, uint64(n-1))]
	}
	v := x.Elems[n-1]
	for i := n - 2; i >= 0; i-- {
		v = m.ite(m.b.Eq(at, m.b.Const(ir.W64, uint64(i))), x.Elems[i], v)
	}
	return v
}

// store writes what p points to; it returns false if p is nil, which panics.
func (a *activation) store(s *state, p Pointer, v Value) bool {
	switch {
	case p.obj == nil:
		a.m.check(s.path, a.at, "nil dereference", a.m.b.Bool(true))
		return false
	case p.obj.global != nil && a.m.initing != p.obj.global.Pkg, p.obj.frozen:
		a.fail("assignment", "to variable %s, which is constant here", p.obj.name)
	}
	old := Value(nil)
	if len(p.path) > 0 {
		old = a.contents(s, p.obj)
	}
	s.mem[p.obj] = a.replace(old, p.path, v)
	return true
}

// replace returns old with the part that path leads to replaced by v.
func (a *activation) replace(old Value, path []step, v Value) Value {
	if len(path) == 0 {
		return v
	}
	st, rest := path[0], path[1:]
	if !st.at.Valid() {
		x, ok := old.(*Struct)
		if !ok {
			a.want(old, "field")
		}
		fields := append([]Value(nil), x.Fields...)
		fields[st.field] = a.replace(fields[st.field], rest, v)
		return &Struct{fields}
	}
	x, ok := old.(*Array)
	if !ok {
		a.want(old, "element")
	}
	elems := append([]Value(nil), x.Elems...)
	if i, ok := a.m.b.ConstValue(st.at); ok {
		if i < uint64(len(elems)) {
			elems[i] = a.replace(elems[i], rest, v)
		}
		return &Array{elems}
	}
	for i := range elems {
		here := a.m.b.Eq(st.at, a.m.b.Const(ir.W64, uint64(i)))
		elems[i] = a.m.ite(here, a.replace(elems[i], rest, v), elems[i])
	}
	return &Array{elems}
}

// to adds a step to a pointer.
func (p Pointer) to(st step) Pointer {
	return Pointer{p.obj, append(p.path[:len(p.path):len(p.path)], st)}
}

func (a *activation) fieldAddr(s *state, in *ssa.FieldAddr) (Value, bool) {
	p := a.pointer(s, in.X)
	if p.obj == nil {
		a.m.check(s.path, in.Pos(), "nil dereference", a.m.b.Bool(true))
		return nil, false
	}
	return p.to(step{field: in.Field}), true
}

// inBounds records the check of an index, and returns it as a word of 64 bits;
// ok is false if it is always out of bounds.
func (a *activation) inBounds(s *state, x Word, n int) (at smt.Term, ok bool) {
	at = a.word64(x)
	out := a.m.b.Cmp(sem.UGE, ir.W64, at, a.m.b.Const(ir.W64, uint64(n)))
	a.m.check(s.path, a.at, "index out of range", out)
	v, known := a.m.b.ConstValue(out)
	return at, !(known && v != 0) && n > 0
}

func (a *activation) index(s *state, in *ssa.Index) (Value, bool) {
	x := a.get(s, in.X)
	switch x := x.(type) {
	case *Array:
		at, ok := a.inBounds(s, a.word(s, in.Index), len(x.Elems))
		if !ok {
			return nil, false
		}
		return a.m.element(x, at), true
	case text:
		elems := &Array{}
		for _, c := range []byte(x.s) {
			elems.Elems = append(elems.Elems, Word{a.m.b.Const(ir.W8, uint64(c)), false})
		}
		at, ok := a.inBounds(s, a.word(s, in.Index), len(elems.Elems))
		if !ok {
			return nil, false
		}
		return a.m.element(elems, at), true
	}
	a.want(x, "index")
	return nil, false
}

func (a *activation) indexAddr(s *state, in *ssa.IndexAddr) (Value, bool) {
	x := a.get(s, in.X)
	switch x := x.(type) {
	case Pointer:
		n := arrayLen(in.X.Type())
		at, ok := a.inBounds(s, a.word(s, in.Index), n)
		if x.obj == nil {
			a.m.check(s.path, in.Pos(), "nil dereference", a.m.b.Bool(true))
			return nil, false
		}
		return x.to(step{at: at}), ok
	case slice:
		at, ok := a.inBounds(s, a.word(s, in.Index), x.n)
		if !ok {
			return nil, false
		}
		at = a.m.b.Bin(sem.Add, ir.W64, at, a.m.b.Const(ir.W64, uint64(x.from)))
		return x.array.to(step{at: at}), true
	}
	a.want(x, "index")
	return nil, false
}

func arrayLen(t types.Type) int {
	p, ok := t.Underlying().(*types.Pointer)
	if ok {
		t = p.Elem()
	}
	array, ok := t.Underlying().(*types.Array)
	if !ok {
		return 0
	}
	return int(array.Len())
}

// slice runs slicing of arrays and slices by constant bounds.
func (a *activation) slice(s *state, in *ssa.Slice) Value {
	var from slice
	switch x := a.get(s, in.X).(type) {
	case Pointer:
		n := arrayLen(in.X.Type())
		if x.obj == nil {
			a.fail("slice expression", "of a nil pointer")
		}
		from = slice{array: x, n: n, c: n}
	case slice:
		from = x
	default:
		a.want(x, "slice expression")
	}
	bound := func(v ssa.Value, def int) int {
		if v == nil {
			return def
		}
		x, ok := a.m.b.ConstValue(a.word64(a.word(s, v)))
		if !ok {
			a.fail("slice expression", "bounds are not constant")
		}
		return int(x)
	}
	lo, hi, c := bound(in.Low, 0), bound(in.High, from.n), bound(in.Max, from.c)
	if lo < 0 || lo > hi || hi > c || c > from.c {
		a.fail("slice expression", "bounds %d:%d:%d of a capacity of %d", lo, hi, c, from.c)
	}
	return slice{from.array, from.from + lo, hi - lo, c - lo}
}
