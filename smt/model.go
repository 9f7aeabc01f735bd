package smt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// Model gives values to variables and uninterpreted functions. What it does
// not mention is 0. A nil Model mentions nothing.
type Model struct {
	words map[string]uint64
	funcs map[string]map[string]Row
}

// Row is one line of a function's table.
type Row struct {
	Args  []uint64
	Value uint64
}

// NewModel returns a model that mentions nothing.
func NewModel() *Model {
	return &Model{words: map[string]uint64{}, funcs: map[string]map[string]Row{}}
}

// Set gives a variable its value.
func (m *Model) Set(name string, x uint64) { m.words[name] = x }

// SetApply gives a function its value for the given arguments.
func (m *Model) SetApply(name string, args []uint64, x uint64) {
	if m.funcs[name] == nil {
		m.funcs[name] = map[string]Row{}
	}
	m.funcs[name][rowKey(args)] = Row{Args: slices.Clone(args), Value: x}
}

// Value returns what the model says of a variable; ok is false if it says
// nothing, and then the variable is 0.
func (m *Model) Value(name string) (x uint64, ok bool) {
	if m == nil {
		return 0, false
	}
	x, ok = m.words[name]
	return x, ok
}

// Apply returns what the model says of a function at these arguments; ok is
// false if it says nothing, and then the value is 0.
func (m *Model) Apply(name string, args ...uint64) (x uint64, ok bool) {
	if m == nil {
		return 0, false
	}
	r, ok := m.funcs[name][rowKey(args)]
	return r.Value, ok
}

// Vars returns the names of the variables that the model mentions, sorted.
func (m *Model) Vars() []string {
	if m == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(m.words))
}

// Funcs returns the names of the functions that the model mentions, sorted.
func (m *Model) Funcs() []string {
	if m == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(m.funcs))
}

// Rows returns the table of a function, sorted by arguments.
func (m *Model) Rows(name string) []Row {
	if m == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(m.funcs[name]), func(x, y Row) int { return slices.Compare(x.Args, y.Args) })
}

// String returns the model on one line, such as "x=0x2a f(0x1)=0x0".
func (m *Model) String() string {
	var parts []string
	for _, name := range m.Vars() {
		parts = append(parts, fmt.Sprintf("%s=%#x", name, m.words[name]))
	}
	for _, name := range m.Funcs() {
		for _, r := range m.Rows(name) {
			args := make([]string, len(r.Args))
			for i, a := range r.Args {
				args[i] = fmt.Sprintf("%#x", a)
			}
			parts = append(parts, fmt.Sprintf("%s(%s)=%#x", name, strings.Join(args, ","), r.Value))
		}
	}
	return strings.Join(parts, " ")
}

// Eval returns the value of a term of b, made of words of Width(t) bits.
func (m *Model) Eval(b *Builder, t Term) uint64 { return b.Eval(m, t)[0] }

func rowKey(args []uint64) string {
	key := make([]byte, 0, 8*len(args))
	for _, a := range args {
		for i := range 8 {
			key = append(key, byte(a>>(8*i)))
		}
	}
	return string(key)
}

// Eval returns the values of terms under a model, by package sem alone.
func (b *Builder) Eval(m *Model, ts ...Term) []uint64 {
	list := b.reachable(ts, nil)
	values := make(map[Term]uint64, len(list))
	for _, t := range list {
		values[t] = b.evalNode(m, t, func(a Term) uint64 { return values[a] })
	}
	out := make([]uint64, len(ts))
	for i, t := range ts {
		out[i] = values[t]
	}
	return out
}

// evalNode returns the value of t, given those of its arguments.
func (b *Builder) evalNode(m *Model, t Term, value func(Term) uint64) uint64 {
	n, args := b.at(t), b.Args(t)
	x := make([]uint64, len(args), max(len(args), 8))
	for i, a := range args {
		x[i] = value(a)
	}
	c := sem.Concrete{}
	switch n.op {
	case OpConst:
		return n.val
	case OpVar:
		v, _ := m.Value(b.symbols[n.val].Name)
		return v & n.w.Mask()
	case OpApply:
		v, _ := m.Apply(b.symbols[n.val].Name, x...)
		return v & n.w.Mask()
	case OpNot:
		return ^x[0] & n.w.Mask()
	case OpExtract:
		return x[0] >> (n.val & 0xff) & n.w.Mask()
	case OpSignExt:
		return c.Resize(x[0], b.Width(args[0]), n.w, true)
	case OpIte:
		return c.Ite(x[0], x[1], x[2])
	case OpEq:
		return c.Cmp(sem.EQ, b.Width(args[0]), x[0], x[1])
	case OpULT:
		return c.Cmp(sem.ULT, b.Width(args[0]), x[0], x[1])
	case OpSLT:
		return c.Cmp(sem.SLT, b.Width(args[0]), x[0], x[1])
	case OpConcat:
		v := uint64(0)
		for i, a := range args {
			v = v<<b.Width(a) | x[i]
		}
		return v
	}
	v := x[0]
	for _, y := range x[1:] {
		v = c.Bin(binOf(n.op), n.w, v, y)
	}
	return v
}

// binOf returns the word operation of an n-ary or binary Op.
func binOf(op Op) sem.BinOp {
	return [...]sem.BinOp{OpAdd: sem.Add, OpMul: sem.Mul, OpUDiv: sem.UDiv, OpURem: sem.URem, OpSDiv: sem.SDiv,
		OpSRem: sem.SRem, OpAnd: sem.And, OpOr: sem.Or, OpXor: sem.Xor, OpShl: sem.Shl, OpLShr: sem.LShr,
		OpAShr: sem.AShr}[op]
}

// Collect makes the model of a solver's answer: value is asked for the value
// of every variable and application under the assertions, and then every
// assertion is evaluated under the model. An assertion that is not true, and a
// function with two values for the same arguments, is an error: the solver, or
// the translation for it, is wrong.
func Collect(b *Builder, assertions []Term, value func(Term) (uint64, error)) (*Model, error) {
	m := NewModel()
	values := map[Term]uint64{}
	for _, t := range b.reachable(assertions, nil) {
		op := b.Op(t)
		if op == OpVar || op == OpApply {
			x, err := value(t)
			if err != nil {
				return nil, fmt.Errorf("smt: read model: value of %s: %w", b.String(t), err)
			}
			if err := m.record(b, t, values, x&b.Width(t).Mask()); err != nil {
				return nil, err
			}
		}
		values[t] = b.evalNode(m, t, func(a Term) uint64 { return values[a] })
	}
	for i, t := range assertions {
		if b.Width(t) != ir.W1 || values[t] != 1 {
			return nil, fmt.Errorf("smt: check model: assertion %d is false under it: %s", i, m)
		}
	}
	return m, nil
}

func (m *Model) record(b *Builder, t Term, values map[Term]uint64, x uint64) error {
	s := b.Symbol(t)
	if b.Op(t) == OpVar {
		m.Set(s.Name, x)
		return nil
	}
	args := make([]uint64, 0, len(b.Args(t)))
	for _, a := range b.Args(t) {
		args = append(args, values[a])
	}
	if have, ok := m.Apply(s.Name, args...); ok && have != x {
		return fmt.Errorf("smt: check model: function %s has two values, %#x and %#x, for the same arguments", s.Name, have, x)
	}
	m.SetApply(s.Name, args, x)
	return nil
}
