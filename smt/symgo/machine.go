package symgo

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// Limits bound a call. Zero stands for the default in brackets.
type Limits struct {
	Iterations int // of one loop [256]
	Depth      int // of calls within calls [64]
	Blocks     int // run in all [1000000]
	Terms      int // made in the Builder in all [4000000]
}

func (l Limits) withDefaults() Limits {
	def := func(x *int, d int) {
		if *x == 0 {
			*x = d
		}
	}
	def(&l.Iterations, 256)
	def(&l.Depth, 64)
	def(&l.Blocks, 1_000_000)
	def(&l.Terms, 4_000_000)
	return l
}

// Error tells what is outside of the subset, or beyond a limit.
type Error struct {
	Pos       token.Position // file (after the import path), line, column
	Func      string
	Construct string // such as "select statement"
	Reason    string
}

// Error returns position, function, construct and reason.
func (e *Error) Error() string {
	return fmt.Sprintf("symgo: translate %s: %v: %s: %s", e.Func, e.Pos, e.Construct, e.Reason)
}

// Check is a condition that must not come true: that of a panic, or of a
// declared invariant that does not hold.
type Check struct {
	Pos  token.Position
	What string   // such as "division by zero"
	Cond smt.Term // 1 where it happens, and all assumptions made before hold
}

// Result is what a call comes to.
type Result struct {
	Results []Value
	Checks  []Check
	// Fails is 1 where any of Checks is. That it never is must be shown without
	// Assume: a check that an invariant holds must not rest on that it does.
	Fails smt.Term
	// Assume holds what the invariants of cut loops and contracts say of the
	// variables made for them. What is shown of Results may rest on it.
	Assume []smt.Term
}

// Machine runs functions symbolically, with terms of one Builder.
type Machine struct {
	prog     *Program
	b        *smt.Builder
	limits   Limits
	cuts     map[cutKey]*Cut
	contract map[*ssa.Function]contract
	hard     Arithmetic
	mulHigh  func(w ir.Width, x, y smt.Term) (smt.Term, bool)
	globals  map[*ssa.Global]*object
	inits    map[*ssa.Package]string // why an initialiser failed, "" if it did not
	initial  memory                  // what initialisers left
	initing  *ssa.Package

	checks  []Check
	assume  []smt.Term
	depth   int
	blocks  int
	objects int
}

// NewMachine returns a machine for functions of prog.
func NewMachine(prog *Program, b *smt.Builder, limits Limits) *Machine {
	return &Machine{prog: prog, b: b, limits: limits.withDefaults(), cuts: map[cutKey]*Cut{}, contract: map[*ssa.Function]contract{},
		globals: map[*ssa.Global]*object{}, inits: map[*ssa.Package]string{}, initial: memory{}}
}

// Arithmetic returns another term for an operation on words of w bits, such as
// an uninterpreted function with axioms for a division; ok is false to have it
// made as usual.
type Arithmetic func(op sem.BinOp, w ir.Width, x, y smt.Term) (t smt.Term, ok bool)

// SetArithmetic makes a asked about every operation on words that the source
// writes as an operator, and about the low word of a product of math/bits.
// What is shown holds for every meaning that a's terms can have; the caller
// answers for that Go's is among them. Division by zero is checked as ever.
func (m *Machine) SetArithmetic(a Arithmetic) { m.hard = a }

// SetMulHigh makes high asked about the upper word of every product of
// math/bits, on the terms of SetArithmetic.
func (m *Machine) SetMulHigh(high func(w ir.Width, x, y smt.Term) (t smt.Term, ok bool)) {
	m.mulHigh = high
}

// bin returns x op y.
func (m *Machine) bin(op sem.BinOp, w ir.Width, x, y smt.Term) smt.Term {
	if m.hard != nil {
		if t, ok := m.hard(op, w, x, y); ok {
			return t
		}
	}
	return m.b.Bin(op, w, x, y)
}

// Builder returns the Builder that the terms are made in.
func (m *Machine) Builder() *smt.Builder { return m.b }

// Var returns a value of type t whose integers and booleans are variables of
// the Builder, named by the name and the fields on the way: "a.Full.Pos.Min".
func (m *Machine) Var(name string, t types.Type) Value {
	return compose(name, t, false, func(name string, w ir.Width) smt.Term { return m.b.Var(name, w) })
}

// Zero returns the zero value of type t.
func (m *Machine) Zero(t types.Type) Value {
	return compose("", t, true, func(_ string, w ir.Width) smt.Term { return m.b.Const(w, 0) })
}

// Ref returns a pointer to a variable that holds v and cannot be written, as
// the receiver of a method of pointers.
func (m *Machine) Ref(v Value) Value {
	obj := m.object("ref", nil)
	obj.frozen = true
	m.initial[obj] = v
	return Pointer{obj: obj}
}

// Cell returns a pointer to a variable that holds v and that one Call may
// write; Contents returns what that left.
func (m *Machine) Cell(v Value) Value {
	obj := m.object("cell", nil)
	m.initial[obj] = v
	return Pointer{obj: obj}
}

// Contents returns what a pointer of Cell or Ref points to.
func (m *Machine) Contents(p Value) Value { return m.initial[p.(Pointer).obj] }

// Const returns a Go value made of integers, booleans, structs and arrays; it
// panics on others.
func (m *Machine) Const(x any) Value { return m.constant(reflect.ValueOf(x)) }

func (m *Machine) constant(x reflect.Value) Value {
	switch {
	case x.CanInt():
		return Word{m.b.Const(ir.Width(x.Type().Bits()), uint64(x.Int())), true}
	case x.CanUint():
		return Word{m.b.Const(ir.Width(x.Type().Bits()), x.Uint()), false}
	}
	switch x.Kind() {
	case reflect.Bool:
		return Bool{m.b.Bool(x.Bool())}
	case reflect.Struct:
		s := &Struct{}
		for i := range x.NumField() {
			s.Fields = append(s.Fields, m.constant(x.Field(i)))
		}
		return s
	case reflect.Array:
		a := &Array{}
		for i := range x.Len() {
			a.Elems = append(a.Elems, m.constant(x.Index(i)))
		}
		return a
	}
	panic(fmt.Sprintf("symgo: make constant: value of type %v", x.Type()))
}

// Evaluate sets *dst, a Go value as Const takes it, to the value of v under a
// model. Fields must be exported.
func (m *Machine) Evaluate(model *smt.Model, v Value, dst any) {
	words := m.b.Eval(model, Leaves(v)...)
	x := reflect.ValueOf(dst).Elem()
	if n := fill(x, words); n != len(words) {
		panic(fmt.Sprintf("symgo: evaluate: %v has %d words, the value %d", x.Type(), n, len(words)))
	}
}

// fill sets the integers and booleans of x, and returns how many it has.
func fill(x reflect.Value, words []uint64) int {
	switch x.Kind() {
	case reflect.Struct:
		n := 0
		for i := range x.NumField() {
			n += fill(x.Field(i), words[n:])
		}
		return n
	case reflect.Array:
		n := 0
		for i := range x.Len() {
			n += fill(x.Index(i), words[n:])
		}
		return n
	case reflect.Bool:
		x.SetBool(words[0] != 0)
	default:
		if x.CanInt() {
			x.SetInt(ir.Width(x.Type().Bits()).SignExtend(words[0]))
		} else {
			x.SetUint(words[0])
		}
	}
	return 1
}

// Call runs a function. The arguments have the types of the parameters, the
// receiver first. Variables that the results refer to can be read by later
// calls, but not written. An error is an *Error, or tells that the number of
// arguments is wrong.
func (m *Machine) Call(fn *Function, args ...Value) (res *Result, err error) {
	if len(args) != len(fn.fn.Params) {
		return nil, fmt.Errorf("symgo: call %s: %d arguments for %d parameters", fn.fn, len(args), len(fn.fn.Params))
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			err = f.err
		}
	}()
	m.checks, m.assume, m.depth, m.blocks = nil, nil, 0, 0
	root := &pathCond{all: m.b.Bool(true)}
	mem := memory{} // of what can be written, so that paths that do not write it keep it where they join
	for obj, v := range m.initial {
		if obj.global == nil && !obj.frozen {
			mem[obj] = v
		}
	}
	out := m.run(fn.fn, args, nil, root, mem)
	res = &Result{Checks: m.checks, Assume: m.assume, Fails: m.b.Bool(false)}
	if out.returns {
		res.Results = out.results
		for obj, v := range out.mem {
			obj.frozen = true
			m.initial[obj] = v
		}
	} else {
		for v := range fn.fn.Signature.Results().Variables() {
			res.Results = append(res.Results, m.Zero(v.Type()))
		}
	}
	for _, c := range m.checks {
		res.Fails = m.b.Or(res.Fails, c.Cond)
	}
	return res, nil
}

// failure is how an *Error travels up to Call.
type failure struct{ err *Error }

// check records that a condition must not come true on the path.
func (m *Machine) check(p *pathCond, pos token.Pos, what string, cond smt.Term) {
	if v, ok := p.holds(m.b, cond); ok && !v {
		return
	}
	cond = m.b.And(p.all, cond)
	for _, t := range m.assume {
		cond = m.b.And(t, cond)
	}
	if v, ok := m.b.ConstValue(cond); ok && v == 0 {
		return
	}
	m.checks = append(m.checks, Check{Pos: m.prog.fset.Position(pos), What: what, Cond: cond})
}
