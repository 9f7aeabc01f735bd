package symgo

import (
	"go/types"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// ite returns x where c is 1, and y where it is 0. References that differ
// cannot be chosen between: the result is undefined, which is an error if it
// is used.
func (m *Machine) ite(c smt.Term, x, y Value) Value {
	if same(x, y) {
		return x
	}
	if v, ok := m.b.ConstValue(c); ok {
		if v != 0 {
			return x
		}
		return y
	}
	switch x := x.(type) {
	case Word:
		if y, ok := y.(Word); ok {
			return Word{m.b.Ite(c, x.Term, y.Term), x.Signed}
		}
	case Bool:
		if y, ok := y.(Bool); ok {
			return Bool{m.b.Ite(c, x.Term, y.Term)}
		}
	case *Struct:
		if y, ok := y.(*Struct); ok {
			return &Struct{m.iteAll(c, x.Fields, y.Fields)}
		}
	case *Array:
		if y, ok := y.(*Array); ok {
			return &Array{m.iteAll(c, x.Elems, y.Elems)}
		}
	case *Tuple:
		if y, ok := y.(*Tuple); ok {
			return &Tuple{m.iteAll(c, x.Elems, y.Elems)}
		}
	case Interface:
		if y, ok := y.(Interface); ok && x.typ != nil && y.typ != nil && types.Identical(x.typ, y.typ) {
			return Interface{x.typ, m.ite(c, x.val, y.val)}
		}
	case Func:
		if y, ok := y.(Func); ok && x.fn == y.fn {
			return Func{x.fn, m.iteAll(c, x.free, y.free)}
		}
	case undefined:
		return x
	}
	if u, ok := y.(undefined); ok {
		return u
	}
	return undefined{"choice between two references, " + describe(x) + " and " + describe(y) + ", by a symbolic condition"}
}

func (m *Machine) iteAll(c smt.Term, xs, ys []Value) []Value {
	out := make([]Value, len(xs))
	for i := range xs {
		out[i] = m.ite(c, xs[i], ys[i])
	}
	return out
}

// mergeMemory makes y, the contents of variables, what x has where c is 1. It
// goes through them in a fixed order, as the numbers of terms depend on it.
func (m *Machine) mergeMemory(c smt.Term, x, y memory) {
	var differ []*object
	for obj, v := range x {
		w, ok := y[obj]
		if !ok {
			y[obj] = v
		} else if !same(v, w) {
			differ = append(differ, obj)
		}
	}
	slices.SortFunc(differ, func(a, b *object) int { return a.id - b.id })
	for _, obj := range differ {
		y[obj] = m.ite(c, x[obj], y[obj])
	}
}

// same reports whether two values are known to be the same without asking.
func same(x, y Value) bool {
	switch x := x.(type) {
	case *Struct:
		y, ok := y.(*Struct)
		return ok && (x == y || slices.EqualFunc(x.Fields, y.Fields, same))
	case *Array:
		y, ok := y.(*Array)
		return ok && (x == y || slices.EqualFunc(x.Elems, y.Elems, same))
	case *Tuple:
		y, ok := y.(*Tuple)
		return ok && (x == y || slices.EqualFunc(x.Elems, y.Elems, same))
	case Pointer:
		y, ok := y.(Pointer)
		return ok && x.obj == y.obj && slices.Equal(x.path, y.path)
	case Interface:
		y, ok := y.(Interface)
		if !ok || (x.typ == nil) != (y.typ == nil) {
			return false
		}
		return x.typ == nil || types.Identical(x.typ, y.typ) && same(x.val, y.val)
	case Func:
		y, ok := y.(Func)
		return ok && x.fn == y.fn && slices.EqualFunc(x.free, y.free, same)
	case slice:
		y, ok := y.(slice)
		return ok && same(x.array, y.array) && x.from == y.from && x.n == y.n && x.c == y.c
	case nil:
		return y == nil
	}
	return x == y // values of other kinds than y's differ; what is left is comparable
}

// equal returns the condition under which x == y; ok is false for values that
// cannot be compared here.
func (m *Machine) equal(x, y Value) (c smt.Term, ok bool) {
	switch x := x.(type) {
	case Word:
		if y, ok := y.(Word); ok {
			return m.b.Eq(x.Term, y.Term), true
		}
	case Bool:
		if y, ok := y.(Bool); ok {
			return m.b.Not(m.b.Bin(sem.Xor, ir.W1, x.Term, y.Term)), true
		}
	case *Struct:
		if y, ok := y.(*Struct); ok {
			return m.equalAll(x.Fields, y.Fields)
		}
	case *Array:
		if y, ok := y.(*Array); ok {
			return m.equalAll(x.Elems, y.Elems)
		}
	case Pointer:
		return m.equalPointers(x, y)
	case Interface:
		if y, ok := y.(Interface); ok {
			if x.typ == nil || y.typ == nil || !types.Identical(x.typ, y.typ) {
				return m.b.Bool(x.typ == nil && y.typ == nil), true
			}
			return m.equal(x.val, y.val)
		}
	case Func:
		if y, ok := y.(Func); ok && (x.fn == nil || y.fn == nil) {
			return m.b.Bool(x.fn == y.fn), true
		}
	case text:
		if y, ok := y.(text); ok {
			return m.b.Bool(x == y), true
		}
	case mapping:
		if y, ok := y.(mapping); ok && (x.obj == nil || y.obj == nil) {
			return m.b.Bool(x == y), true
		}
	case slice:
		if y, ok := y.(slice); ok && (x.array.obj == nil || y.array.obj == nil) {
			return m.b.Bool(x.array.obj == y.array.obj), true
		}
	}
	return smt.Term{}, false
}

func (m *Machine) equalAll(xs, ys []Value) (smt.Term, bool) {
	all := m.b.Bool(true)
	for i := range xs {
		c, ok := m.equal(xs[i], ys[i])
		if !ok {
			return c, false
		}
		all = m.b.And(all, c)
	}
	return all, true
}

// equalPointers decides whether two pointers are the same as far as fields and
// constant indices tell.
func (m *Machine) equalPointers(x Pointer, v Value) (smt.Term, bool) {
	y, ok := v.(Pointer)
	switch {
	case !ok:
		return smt.Term{}, false
	case x.obj == nil, y.obj == nil, same(x, y):
		return m.b.Bool(same(x, y)), true
	case x.obj != y.obj: // may be equal if they have no size
		return smt.Term{}, false
	}
	for i := range min(len(x.path), len(y.path)) {
		p, q := x.path[i], y.path[i]
		_, xConst := constIndex(m.b, p)
		_, yConst := constIndex(m.b, q)
		if p != q {
			return m.b.Bool(false), xConst && yConst
		}
	}
	return smt.Term{}, false
}

func constIndex(b *smt.Builder, s step) (int, bool) {
	if !s.at.Valid() {
		return s.field, true
	}
	x, ok := b.ConstValue(s.at)
	return int(x), ok
}
