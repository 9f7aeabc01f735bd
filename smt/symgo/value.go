package symgo

import (
	"fmt"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Value is a Go value whose integers and booleans are terms. Values do not
// change.
type Value interface{ value() }

// Word is an integer; its width is that of the term.
type Word struct {
	Term   smt.Term
	Signed bool
}

// Bool is a boolean: a term of one bit.
type Bool struct{ Term smt.Term }

// Struct is a struct, its fields in the order of their declaration.
type Struct struct{ Fields []Value }

// Array is an array.
type Array struct{ Elems []Value }

// Tuple holds the results of a function that returns several, or none.
type Tuple struct{ Elems []Value }

// Pointer points to a variable or a part of one; the zero Pointer is nil.
type Pointer struct {
	obj  *object
	path []step
}

// Interface holds a value with its dynamic type; the zero Interface is nil.
type Interface struct {
	typ types.Type
	val Value
}

// Func is a function with the variables that it has caught; the zero Func is
// nil.
type Func struct {
	fn   *ssa.Function
	free []Value
}

// slice is elements from..from+len of an array; the zero slice is nil.
type slice struct {
	array      Pointer
	from, n, c int
}

// mapping is a map whose keys and values lie in a variable of type entries.
type mapping struct{ obj *object }

type entries struct{ keys, values []Value }

// text is a constant string.
type text struct{ s string }

// undefined is a value outside of the subset; using it is the error.
type undefined struct{ why string }

// step goes from a variable to one of its parts: a field, or an element if at
// is valid.
type step struct {
	field int
	at    smt.Term // index, 64 bits, within bounds
}

// object is a variable.
type object struct {
	id     int // in the order of making
	name   string
	global *ssa.Global // nil for variables of functions
	frozen bool        // made by an initialiser of package variables: constant from then on
}

func (Word) value()      {}
func (Bool) value()      {}
func (*Struct) value()   {}
func (*Array) value()    {}
func (*Tuple) value()    {}
func (Pointer) value()   {}
func (Interface) value() {}
func (Func) value()      {}
func (slice) value()     {}
func (mapping) value()   {}
func (*entries) value()  {}
func (text) value()      {}
func (undefined) value() {}

// intType returns width and sign of an integer type.
func intType(t types.Type) (w ir.Width, signed, ok bool) {
	basic, ok := t.Underlying().(*types.Basic)
	if !ok {
		return 0, false, false
	}
	switch basic.Kind() {
	case types.Int8:
		return 8, true, true
	case types.Int16:
		return 16, true, true
	case types.Int32, types.UntypedRune:
		return 32, true, true
	case types.Int64, types.Int, types.UntypedInt:
		return 64, true, true
	case types.Uint8:
		return 8, false, true
	case types.Uint16:
		return 16, false, true
	case types.Uint32:
		return 32, false, true
	case types.Uint64, types.Uint, types.Uintptr:
		return 64, false, true
	}
	return 0, false, false
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// compose makes a value of type t from its integers and booleans, in order;
// leaf is given the name of the part. What has other parts is nil if zero.
func compose(name string, t types.Type, zero bool, leaf func(name string, w ir.Width) smt.Term) Value {
	if w, signed, ok := intType(t); ok {
		return Word{leaf(name, w), signed}
	}
	if isBool(t) {
		return Bool{leaf(name, ir.W1)}
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		s := &Struct{}
		for i := range u.NumFields() {
			if f := u.Field(i); f.Name() == "_" && !zero {
				s.Fields = append(s.Fields, undefined{"blank field"}) // comparisons leave it out
			} else {
				s.Fields = append(s.Fields, compose(name+"."+f.Name(), f.Type(), zero, leaf))
			}
		}
		return s
	case *types.Array:
		if u.Len() > maxElems {
			return undefined{fmt.Sprintf("array of %d elements", u.Len())}
		}
		a := &Array{}
		for i := range int(u.Len()) {
			a.Elems = append(a.Elems, compose(fmt.Sprintf("%s[%d]", name, i), u.Elem(), zero, leaf))
		}
		return a
	}
	if zero {
		return zeroReference(t)
	}
	return undefined{"unknown value of type " + t.String()}
}

// maxElems bounds the arrays that are held as values.
const maxElems = 1 << 12

// zeroReference returns the zero value of a type without parts.
func zeroReference(t types.Type) Value {
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return Pointer{}
	case *types.Interface:
		return Interface{}
	case *types.Signature:
		return Func{}
	case *types.Slice:
		return slice{}
	case *types.Map:
		return mapping{}
	case *types.Basic:
		if u.Info()&types.IsString != 0 {
			return text{}
		}
	case *types.Tuple:
		return &Tuple{}
	}
	return undefined{"value of type " + t.String()}
}

// Leaves returns the terms of all integers and booleans in v, in order.
func Leaves(v Value) []smt.Term {
	switch v := v.(type) {
	case Word:
		return []smt.Term{v.Term}
	case Bool:
		return []smt.Term{v.Term}
	case *Struct:
		return leaves(v.Fields)
	case *Array:
		return leaves(v.Elems)
	case *Tuple:
		return leaves(v.Elems)
	case Interface:
		if v.val != nil {
			return Leaves(v.val)
		}
	}
	return nil
}

func leaves(vs []Value) []smt.Term {
	var ts []smt.Term
	for _, v := range vs {
		ts = append(ts, Leaves(v)...)
	}
	return ts
}

// describe names the kind of a value in messages.
func describe(v Value) string {
	switch v := v.(type) {
	case undefined:
		return v.why
	case Word, Bool:
		return "symbolic number"
	case text:
		return "string"
	case slice:
		return "slice"
	case mapping:
		return "map"
	}
	return fmt.Sprintf("%T", v)
}
