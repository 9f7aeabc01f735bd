package soundness

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// Domain names a domain and where its source is.
type Domain struct {
	Name string
	// Elem and New are the type of elements and an expression that makes the
	// domain, as a file that imports the packages of Sources would write them.
	Elem, New string
	// Sources holds the domain's package first, and what it imports; of ir, sem
	// and absint it need not speak.
	Sources []symgo.Source
}

// Domains lists the domains of this project.
func Domains() []Domain {
	const module = "github.com/bpfproof/bpfproof/absint/"
	t := symgo.Source{Path: module + "tnum", Files: tnum.GoSource}
	i := symgo.Source{Path: module + "interval", Files: interval.GoSource}
	r := symgo.Source{Path: module + "reduced", Files: reduced.GoSource}
	return []Domain{
		{Name: "tnum", Elem: "tnum.T", New: "tnum.Domain{}", Sources: []symgo.Source{t}},
		{Name: "interval", Elem: "interval.T", New: "interval.Domain{}", Sources: []symgo.Source{i}},
		{Name: "tnum+interval", Elem: "reduced.T", New: "reduced.New()", Sources: []symgo.Source{r, t, i}},
	}
}

// Own returns a domain that is not one of Domains: elem and expr are written as
// in Domain, files has the source of its package. It may import the packages of
// Domains. Its name is the last part of the path.
func Own(importPath string, files fs.FS, elem, expr string) Domain {
	d := Domain{Name: path.Base(importPath), Elem: elem, New: expr, Sources: []symgo.Source{{Path: importPath, Files: files}}}
	for _, known := range Domains() {
		d.Sources = append(d.Sources, known.Sources...)
	}
	return d
}

// harnessPath is the import path of the harness, which exists in memory only.
const harnessPath = "github.com/bpfproof/bpfproof/soundness/harness"

// harness calls a domain as its users do. The domain is used through the
// interface of package absint, so operators that it does not have are those
// that absint and sem compose.
const harness = `package harness

import (
	"github.com/bpfproof/bpfproof/absint"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	%q
)

type elem = %s

func domain() absint.Domain[elem] { return %s }

func ALU(op ir.ALUOp, w ir.Width, x, y elem) elem { return absint.ALU[elem](domain(), op, w, x, y) }
func Swap(op ir.SwapOp, w ir.Width, x elem) elem { return absint.Swap[elem](domain(), op, w, x) }
func Resize(x elem, from, to ir.Width, signed bool) elem { return domain().Resize(x, from, to, signed) }
func Bin(op sem.BinOp, w ir.Width, x, y elem) elem { return domain().Bin(op, w, x, y) }
func Cmp(op sem.CmpOp, w ir.Width, x, y elem) elem { return domain().Cmp(op, w, x, y) }
func Ite(c, x, y elem) elem { return domain().Ite(c, x, y) }
func Const(w ir.Width, x uint64) elem { return domain().Const(w, x) }
func Top(w ir.Width) elem { return domain().Top(w) }
func Bottom() elem { return domain().Bottom() }
func Leq(w ir.Width, x, y elem) bool { return domain().Leq(w, x, y) }
func Join(w ir.Width, x, y elem) elem { return domain().Join(w, x, y) }
func Meet(w ir.Width, x, y elem) elem { return domain().Meet(w, x, y) }
func Widen(w ir.Width, prev, next elem) elem { return domain().Widen(w, prev, next) }
func Refine(op sem.CmpOp, w ir.Width, x, y elem) (elem, elem) { return domain().Refine(op, w, x, y) }
func RefineLow(w, n ir.Width, x, low elem) elem { return absint.RefineLow[elem](domain(), w, n, x, low) }
func Contains(w ir.Width, x elem, word uint64) bool { return domain().Contains(w, x, word) }
func IsBottom(x elem) bool { return x == domain().Bottom() }

func Valid(w ir.Width, x elem) bool {
	v, ok := domain().(absint.Validator[elem])
	return !ok || v.Valid(w, x)
}

func Bounds(w ir.Width, x elem) (r absint.Bounds) {
	if b, ok := domain().(absint.Bounder[elem]); ok {
		return b.Bounds(w, x)
	}
	return absint.WidthBounds(w)
}
`

// Subject is a domain whose source has been read.
type Subject struct {
	Domain    Domain
	prog      *symgo.Program
	contracts contracts
}

// Load reads the source of a domain.
func Load(d Domain) (*Subject, error) {
	if len(d.Sources) == 0 {
		return nil, fmt.Errorf("soundness: load %s: no source", d.Name)
	}
	const module = "github.com/bpfproof/bpfproof/"
	text := fmt.Sprintf(harness, d.Sources[0].Path, d.Elem, d.New)
	sources := []symgo.Source{
		{Path: harnessPath, Files: fstest.MapFS{"harness.go": {Data: []byte(text)}}},
		{Path: module + "ir", Files: ir.GoSource},
		{Path: module + "ir/sem", Files: sem.GoSource},
		{Path: module + "absint", Files: absint.GoSource},
	}
	for _, s := range d.Sources {
		if !slices.ContainsFunc(sources, func(have symgo.Source) bool { return have.Path == s.Path }) {
			sources = append(sources, s)
		}
	}
	prog, err := symgo.Load(sources...)
	if err != nil {
		return nil, fmt.Errorf("soundness: load %s: %w", d.Name, err)
	}
	return &Subject{Domain: d, prog: prog, contracts: contractsOf(d.Name)}, nil
}

// calls runs functions of the harness and gathers what they demand.
type calls struct {
	s      *Subject
	b      *smt.Builder
	m      *symgo.Machine
	fails  smt.Term   // 1 where any call panics
	assume []smt.Term // what invariants of cut loops and contracts say
	checks []symgo.Check
	err    error

	hard    *arithmetic // products and quotients, left open
	open    bool        // a contract has replaced a call
	rests   []Line      // that prove what these contracts say, in order
	cut     bool        // a loop is cut
	exact   bool        // nothing is to be left open
	words   []smt.Term  // of 64 bits, that contracts speak of
	pairs   []pair      // operands of products and quotients, of 64 bits
	elems   []sized     // elements that contracts speak of
	members []member    // of operands, in order
	splits  int         // how many cases side may still split
	line    string      // its name
	width   ir.Width    // of the line

	// Instead of variables and of what contracts say, where contracts are held to
	// runs of the source on numbers:
	choose func(name string, w ir.Width, elem bool) symgo.Value
	hold   func(fn *symgo.Function, say symgo.Contract, m *symgo.Machine, args []symgo.Value, writes []int) ([]symgo.Value, smt.Term, smt.Term)

	// In lines of a product, see component:
	leaves   bool                // validity and membership of the parts are left open
	unknowns map[string]smt.Term // the conditions that stand for them
	orders   []order             // what is known of the order of the parts
}

// member is a word that an operand stands for.
type member struct {
	w ir.Width
	x smt.Term
}

// pair holds two operands.
type pair struct{ x, y smt.Term }

// sized is an element with its width.
type sized struct {
	w    ir.Width
	elem symgo.Value
}

// calls returns calls to a domain. If they are exact, everything is what the
// source says; otherwise contracts replace calls, and products and quotients
// are left open.
func (s *Subject) calls(b *smt.Builder, exact bool) *calls {
	c := &calls{s: s, b: b, m: symgo.NewMachine(s.prog, b, symgo.Limits{}), fails: b.Bool(false), hard: newArithmetic(b), splits: maxSplits}
	if exact {
		c.exact = true
		return c
	}
	c.m.SetArithmetic(func(op sem.BinOp, w ir.Width, x, y smt.Term) (smt.Term, bool) {
		if c.exact {
			return smt.Term{}, false
		}
		return c.hard.bin(op, w, x, y, false)
	})
	c.m.SetMulHigh(func(w ir.Width, x, y smt.Term) (smt.Term, bool) {
		if _, known := c.b.ConstValue(x); c.exact || known || w != ir.W64 {
			return smt.Term{}, false
		}
		return c.hard.multiply(x, y, false).hi, true
	})
	s.contracts.set(c)
	return c
}

// algebra gives words their meaning.
func (c *calls) algebra() sem.Algebra[smt.Term] {
	if c.exact {
		return c.b
	}
	return open{c.b, c.hard}
}

// value returns what an argument of a call stands for.
func (c *calls) value(a any) symgo.Value {
	switch a := a.(type) {
	case symgo.Value:
		return a
	case smt.Term:
		return symgo.Word{Term: a}
	}
	return c.m.Const(a)
}

// call runs a function of the harness. After an error it returns zeros.
func (c *calls) call(name string, args ...any) []symgo.Value {
	fn, err := c.s.prog.Func(harnessPath + "." + name)
	if err != nil {
		c.fail(err)
		return nil
	}
	return c.callFunc(fn, args...)
}

// callFunc runs a function. After an error it returns zeros.
func (c *calls) callFunc(fn *symgo.Function, args ...any) []symgo.Value {
	var values []symgo.Value
	for _, a := range args {
		values = append(values, c.value(a))
	}
	res, err := c.m.Call(fn, values...)
	if err != nil {
		c.fail(err)
		res = &symgo.Result{Fails: c.b.Bool(false)}
		for i := range fn.Results() {
			res.Results = append(res.Results, c.m.Zero(fn.Result(i)))
		}
	}
	c.fails = c.b.Or(c.fails, c.b.And(append(slices.Clone(c.assume), res.Fails)...)) // earlier calls have done what they are to do, if they did not fail
	c.assume = append(c.assume, res.Assume...)
	c.checks = append(c.checks, res.Checks...)
	return res.Results
}

func (c *calls) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// elem makes a symbolic element.
func (c *calls) elem(name string) symgo.Value {
	fn, err := c.s.prog.Func(harnessPath + ".IsBottom")
	if err != nil {
		c.fail(err)
		return &symgo.Struct{}
	}
	return c.m.Var(name, fn.Param(0))
}

// truth runs a predicate of the harness.
func (c *calls) truth(name string, args ...any) smt.Term {
	r := c.call(name, args...)
	if len(r) != 1 {
		return c.b.Bool(false)
	}
	return r[0].(symgo.Bool).Term
}

// predicate runs a predicate of the harness as it is written, without
// contracts.
func (c *calls) predicate(name string, args ...any) smt.Term {
	return c.side(harnessPath+"."+name, args...)
}

// contains is the condition that an element stands for a w-bit word.
func (c *calls) contains(w ir.Width, e symgo.Value, x smt.Term) smt.Term {
	return c.predicate("Contains", w, e, c.b.Resize(x, w, ir.W64, false))
}

func (c *calls) valid(w ir.Width, e symgo.Value) smt.Term { return c.predicate("Valid", w, e) }

// describeChecks lists what can panic, for those who look into a refutation.
func (c *calls) describeChecks() string {
	var parts []string
	for _, k := range c.checks {
		parts = append(parts, fmt.Sprintf("%v: %s", k.Pos, k.What))
	}
	return strings.Join(parts, "; ")
}
