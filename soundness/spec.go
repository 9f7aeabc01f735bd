package soundness

import (
	"fmt"
	"go/types"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// spec is the contract of one function. What callers assume of its results and
// what its own lines prove are made by the same functions of this struct: for
// the words that a caller tracks, and for all words.
type spec struct {
	fn     string     // after the path of the package
	widths []ir.Width // of its lines
	writes []int      // parameters through which it writes

	// width returns the width that a call is about; ok is false where nothing is
	// said of it. Nil stands for the first parameter of type ir.Width, or 64.
	width func(k *call) (w ir.Width, ok bool)
	// args makes the arguments of the lines; nil: the width, and variables.
	args func(s *statement, fn *symgo.Function, w ir.Width) []symgo.Value

	// within chooses the lines in which calls are replaced; nil: all.
	within func(line string) bool

	// fits are parameters that are elements or halves which keep to the width, as
	// require must say; made is set where all results are such, as ensure must.
	fits []int
	made bool

	require func(k *call) smt.Term                // what it needs
	ensure  func(k *call) []Goal                  // what holds of every call
	word    func(k *call, x smt.Term) smt.Term    // what holds for every word of 64 bits
	pair    func(k *call, p pair) smt.Term        // what holds for every two words
	elem    func(k *call, e symgo.Value) smt.Term // what holds for every valid element of the width
	also    func(k *call, p pair, x smt.Term)     // tells the proof of more words to look at
	lemmas  func(s *statement, k *call, p pair)   // makes products and quotients that the meaning has
	facts   func(k *call)                         // uses facts that ensure follows from
}

// call is one call of a function that has a contract. Pointers are what they
// point to; results are followed by what has been written.
type call struct {
	*calls
	w       ir.Width
	args    []symgo.Value
	results []symgo.Value
}

// term returns the only word of an argument.
func (k *call) term(i int) smt.Term { return symgo.Leaves(k.args[i])[0] }

// about says of all calls of the function what its contract is.
func (sp *spec) about(c *calls, path string) {
	fn, err := c.s.prog.Func(path + sp.fn)
	if err != nil {
		c.fail(err)
		return
	}
	lines := func(args []symgo.Value) []Line {
		w, _ := sp.widthOf(&call{calls: c, args: args}, fn)
		return []Line{{"interval", contractPrefix + lastName(sp.fn), w}} // the only domain with specs
	}
	c.aboutLines(path+sp.fn, lines, func(_ *symgo.Machine, args []symgo.Value, fresh func(int) symgo.Value) ([]symgo.Value, smt.Term, smt.Term) {
		k := &call{calls: c, args: args}
		var ok bool
		if k.w, ok = sp.widthOf(k, fn); !ok || sp.within != nil && !sp.within(c.line) {
			return nil, smt.Term{}, smt.Term{}
		}
		for i := range fn.Results() + len(sp.writes) {
			k.results = append(k.results, fresh(i))
		}
		if sp.made {
			for i, r := range k.results {
				k.results[i], _ = k.narrow(k.w, r) // is the same
			}
		}
		return k.results, sp.assume(k), sp.needs(k)
	}, sp.writes...)
}

func (sp *spec) widthOf(k *call, fn *symgo.Function) (ir.Width, bool) {
	if sp.width != nil {
		return sp.width(k)
	}
	for i := range fn.Params() {
		if fn.Param(i).String() == modulePath+"ir.Width" {
			w, ok := k.b.ConstValue(k.term(i))
			return ir.Width(w), ok
		}
	}
	return ir.W64, true
}

// assume is what a caller may take as given.
func (sp *spec) assume(k *call) smt.Term {
	assume := k.b.Bool(true)
	if sp.ensure != nil {
		for _, g := range sp.ensure(k) {
			assume = k.b.And(assume, g.Term)
		}
	}
	if sp.word != nil {
		for _, x := range k.words {
			assume = k.b.And(assume, sp.word(k, x))
		}
	}
	if sp.pair != nil {
		for _, p := range k.pairs {
			assume = k.b.And(assume, sp.pair(k, p))
		}
	}
	if sp.elem != nil && k.s.Domain.Name == "interval" {
		for _, e := range k.elems {
			if e.w == k.w {
				assume = k.b.And(assume, sp.elem(k, e.elem))
			}
		}
	}
	return assume
}

func (sp *spec) needs(k *call) smt.Term {
	if sp.require == nil {
		return k.b.Bool(true)
	}
	return sp.require(k)
}

// ops are the lines that prove the contract.
func (sp *spec) ops(path string) (ops []Op) {
	for _, w := range sp.widths {
		ops = append(ops, Op{Name: contractPrefix + lastName(sp.fn), Width: w, state: func(s *statement) { sp.state(s, path) }})
	}
	return ops
}

// lastName is the name of a function without that of its type.
func lastName(fn string) string {
	for i := len(fn) - 1; i >= 0; i-- {
		if fn[i] == '.' {
			return fn[i+1:]
		}
	}
	return fn
}

// state demands of the function what callers assume.
func (sp *spec) state(s *statement, path string) {
	fn, err := s.s.prog.Func(path + sp.fn)
	if err != nil {
		s.fail(err)
		return
	}
	k := &call{calls: s.calls, w: s.w}
	if sp.args != nil {
		k.args = sp.args(s, fn, s.w)
	} else {
		k.args = s.variables(fn)
	}
	for _, i := range sp.fits {
		narrowed, same := s.narrow(s.w, k.args[i])
		s.assumeThat(same)
		k.args[i] = narrowed
	}
	s.assumeThat(sp.needs(k))
	if sp.ensure != nil { // needs no words, so the call is made without
		sp.run(s, fn, k)
		if sp.facts != nil {
			sp.facts(k)
		}
		for _, g := range sp.ensure(k) {
			s.goal(g.Name, s.b.Implies(s.b.And(s.assume...), g.Term))
		}
		s.assume = nil
	}
	x, p := s.word("x", ir.W64), pair{s.word("x", ir.W64), s.word("y", ir.W64)}
	if sp.word != nil {
		s.track(ir.W64, x)
	}
	if sp.pair != nil {
		s.pairs = append(s.pairs, p)
	}
	if sp.also != nil {
		sp.also(k, p, x)
	}
	if sp.lemmas != nil {
		sp.lemmas(s, k, p)
	}
	if sp.word == nil && sp.pair == nil {
		return
	}
	given := sp.again(s, fn, k)
	if sp.word != nil {
		s.goal("every word", s.b.Implies(given, sp.word(k, x)))
	}
	if sp.pair != nil {
		s.goal("every pair", s.b.Implies(given, sp.pair(k, p)))
	}
	if sp.elem != nil {
		e, same := s.narrow(s.w, s.elem("e"))
		valid := s.b.And(same, s.run(intervalPath+"T.Valid", e, s.w))
		s.words, s.pairs = nil, nil
		s.trackBounds(s.w, e)
		given = sp.again(s, fn, k)
		s.goal("every element", s.b.Implies(s.b.And(given, valid), sp.elem(k, e)))
	}
}

// again makes the call once more, for other words, and returns what contracts
// say of it. If it could not panic before, it cannot now.
func (sp *spec) again(s *statement, fn *symgo.Function, k *call) smt.Term {
	fails := s.fails
	sp.run(s, fn, k)
	if sp.ensure != nil {
		s.fails = fails
	}
	given := s.b.And(s.assume...)
	s.assume = nil
	return given
}

// run calls the function. Parameters that are pointers point to the arguments.
func (sp *spec) run(s *statement, fn *symgo.Function, k *call) {
	cells := map[int]symgo.Value{}
	for _, i := range sp.writes {
		cells[i] = s.m.Cell(k.args[i])
	}
	var args []any
	for i, v := range k.args {
		switch {
		case cells[i] != nil:
			v = cells[i]
		case isPointer(fn.Param(i)):
			v = s.m.Ref(v)
		}
		args = append(args, v)
	}
	k.results = s.callFunc(fn, args...)
	for _, i := range sp.writes {
		k.results = append(k.results, s.m.Contents(cells[i]))
	}
}

// variables are arguments of which nothing is known but the width.
func (s *statement) variables(fn *symgo.Function) (args []symgo.Value) {
	for i := range fn.Params() {
		if fn.Param(i).String() == modulePath+"ir.Width" {
			args = append(args, s.value(s.w))
			continue
		}
		args = append(args, s.m.Var(fmt.Sprintf("p%d", i), pointee(fn.Param(i))))
	}
	return args
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// pointee returns what t points to, t if it is no pointer.
func pointee(t types.Type) types.Type {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return p.Elem()
	}
	return t
}
