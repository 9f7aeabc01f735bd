package symgo

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// Cut declares an invariant of a loop, by which it is not unrolled: the
// invariant is checked where the loop is entered and again after one iteration
// from any variables that satisfy it, and assumed in between and behind it,
// where the iteration is the last. That is an induction over the iterations.
// That they end is shown if there is a measure, which cannot fall forever.
//
// Ghosts are words that the proof keeps beside the variables of the loop, such
// as the sum so far that some member of an abstract value stands for.
type Cut struct {
	// Ghosts returns the ghosts where the loop is entered. Nil means none.
	Ghosts func(at *LoopState) []smt.Term
	// Step returns the ghosts after an iteration, given those before it and the
	// variables before and after it.
	Step func(ghosts []smt.Term, before, after *LoopState) []smt.Term
	// Invariant returns one bit.
	Invariant func(ghosts []smt.Term, at *LoopState) smt.Term
	// Measure returns a word, read unsigned, of which it is checked that every
	// iteration that another one follows makes it less. Nil leaves open whether
	// the loop ends.
	Measure func(ghosts []smt.Term, at *LoopState) smt.Term
}

// Contract replaces calls of a function. It returns the results, usually
// variables, and what may be assumed of them, and a condition that the caller
// must satisfy. What it says has to be proved of the function itself. Without
// results, it does not speak of these arguments, and the function is run.
//
// An argument that is a pointer is given as what it points to. The results of
// the function are followed by what those parameters point to then through
// which it writes, as SetContract has been told; fresh counts likewise.
type Contract func(m *Machine, args []Value, fresh func(i int) Value) (results []Value, assume, require smt.Term)

type contract struct {
	say    Contract
	writes []int
}

type cutKey struct {
	fn   *ssa.Function
	loop int
}

// SetCut cuts the loop of fn with the given number, counted from 0 in source
// order; inner loops count.
func (m *Machine) SetCut(fn *Function, loop int, c Cut) error {
	for _, l := range m.prog.info(fn.fn).loops {
		if l.ordinal == loop {
			m.cuts[cutKey{fn.fn, loop}] = &c
			return nil
		}
	}
	return fmt.Errorf("symgo: cut loop %d of %s: it has %d", loop, fn.fn, len(m.prog.info(fn.fn).loops))
}

// SetContract replaces all calls of fn by a contract, but not Call(fn). What
// fn writes through pointers among its parameters, counted from 0 with the
// receiver, is all that it writes.
func (m *Machine) SetContract(fn *Function, c Contract, writes ...int) {
	m.contract[fn.fn] = contract{c, writes}
}

// LoopState gives the variables at the head of a loop.
type LoopState struct {
	a    *activation
	head int
	s    *state
}

// Var returns the value of the variable with the given name in the source: one
// that the loop changes, a parameter, or one whose parts are assigned. A name
// that is not known, or not clear, panics.
func (l *LoopState) Var(name string) Value {
	var found []Value
	for _, in := range l.a.fn.Blocks[l.head].Instrs {
		if phi, ok := in.(*ssa.Phi); ok && phi.Comment == name {
			found = append(found, l.s.env[l.a.info.index[phi]])
		}
	}
	for _, obj := range l.a.locals {
		if v, ok := l.s.mem[obj]; ok && obj.name == name {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		for _, p := range l.a.fn.Params {
			if v := l.s.env[l.a.info.index[p]]; p.Name() == name && v != nil {
				found = append(found, v)
			}
		}
	}
	if len(found) != 1 {
		panic(fmt.Sprintf("symgo: invariant of a loop of %v: variable %s stands for %d values", l.a.fn, name, len(found)))
	}
	return found[0]
}

// unique returns a name that no variable of the Builder starts with: the
// number of terms differs whenever variables have been made in between.
func (m *Machine) unique(name string) string { return fmt.Sprintf("%s!%d", name, m.b.Len()) }

// cutting is one cut loop that is being run.
type cutting struct {
	header int
	back   []edge
}

// cutAt returns the cut of the loop with header i, unless there is none, or it
// is being run.
func (a *activation) cutAt(i int) *Cut {
	l := a.info.loops[i]
	if l == nil {
		return nil
	}
	return a.m.cuts[cutKey{a.fn, l.ordinal}]
}

// runCut runs the body of a loop once, from any variables that satisfy the
// invariant, and what follows after that. The loop's variables are the phis of
// its head, and the variables in memory that an iteration changes: these are
// found by trying, until no more are.
func (a *activation) runCut(c *Cut, head int, s *state) {
	b, l := a.fn.Blocks[head], a.info.loops[head]
	pos := a.at
	changed := map[*object]bool{}
	name := a.m.unique(fmt.Sprintf("%s#%d", a.fn.Name(), l.ordinal))
	var ghosts []smt.Term
	if c.Ghosts != nil {
		ghosts = c.Ghosts(&LoopState{a, head, s})
	}
	a.m.check(s.path, pos, "invariant does not hold on entry", a.m.b.Not(c.Invariant(ghosts, &LoopState{a, head, s})))
	for {
		any := a.havoc(name, b, s, changed)
		probe := *a
		probe.pending, probe.returns = make([][]edge, len(a.pending)), nil
		own := &cutting{header: head}
		probe.runs, probe.cuts = make([]int, len(a.runs)), append(silent(a.cuts), own)
		checks, assume := a.m.checks, a.m.assume
		probe.block(b, any.clone())
		probe.drain(l)
		a.m.checks, a.m.assume = checks, assume
		if !noteChanges(changed, any, own.back) {
			break
		}
	}
	any := a.havoc(name, b, s, changed)
	vars := make([]smt.Term, len(ghosts))
	for i, g := range ghosts {
		vars[i] = a.m.b.Var(fmt.Sprintf("%s.ghost%d", name, i), a.m.b.Width(g))
	}
	before := &LoopState{a, head, any.clone()}
	a.m.assume = append(a.m.assume, a.m.b.Implies(s.path.all, c.Invariant(vars, before)))
	own := &cutting{header: head}
	a.cuts = append(a.cuts, own)
	a.block(b, any)
	a.drain(l)
	a.cuts = a.cuts[:len(a.cuts)-1]
	back := own.back
	if len(back) == 0 {
		return
	}
	end := a.merge(b, back)
	after := &LoopState{a, head, end}
	earlier := vars
	if c.Step != nil {
		vars = c.Step(vars, before, after)
	}
	if c.Measure != nil {
		then, now := c.Measure(earlier, before), c.Measure(vars, after)
		falls := a.m.b.Cmp(sem.ULT, a.m.b.Width(then), now, then)
		a.m.check(end.path, pos, "measure does not fall in an iteration", a.m.b.Not(falls))
	}
	a.m.check(end.path, pos, "invariant does not hold after an iteration", a.m.b.Not(c.Invariant(vars, after)))
	for _, e := range back { // what follows starts from the last iteration
		a.m.assume = append(a.m.assume, a.m.b.Not(e.state.path.all))
	}
}

// silent returns cuttings for a trial: what goes back to their heads is lost.
func silent(cuts []*cutting) (out []*cutting) {
	for _, c := range cuts {
		out = append(out, &cutting{header: c.header})
	}
	return out
}

// noteChanges adds the variables that differ from those at the head of the
// loop on a way back to it; it returns false if there are no new ones.
func noteChanges(changed map[*object]bool, head *state, back []edge) bool {
	n := len(changed)
	for _, e := range back {
		for obj, v := range head.mem {
			if x, ok := e.state.mem[obj]; !ok || !same(x, v) {
				changed[obj] = true
			}
		}
	}
	return len(changed) > n
}

// havoc returns the state at the head of a loop with new variables for what
// the loop changes.
func (a *activation) havoc(name string, b *ssa.BasicBlock, s *state, changed map[*object]bool) *state {
	out := s.clone()
	leaf := func(name string, w ir.Width) smt.Term { return a.m.b.Var(name, w) }
	for i, in := range b.Instrs {
		if phi, ok := in.(*ssa.Phi); ok {
			out.env[a.info.index[phi]] = compose(fmt.Sprintf("%s.%s.%d", name, phi.Comment, i), phi.Type(), false, leaf)
		}
	}
	objs := slices.SortedFunc(maps.Keys(changed), func(x, y *object) int { return x.id - y.id })
	for i, obj := range objs {
		out.mem[obj] = a.rename(fmt.Sprintf("%s.%s.%d", name, obj.name, i), s.mem[obj])
	}
	return out
}

// rename returns a value of the form of v whose words are variables.
func (a *activation) rename(name string, v Value) Value {
	all := func(vs []Value) (out []Value) {
		for i, v := range vs {
			out = append(out, a.rename(fmt.Sprintf("%s.%d", name, i), v))
		}
		return out
	}
	switch v := v.(type) {
	case Word:
		return Word{a.m.b.Var(name, a.m.b.Width(v.Term)), v.Signed}
	case Bool:
		return Bool{a.m.b.Var(name, ir.W1)}
	case *Struct:
		return &Struct{all(v.Fields)}
	case *Array:
		return &Array{all(v.Elems)}
	}
	return undefined{"reference that a cut loop changes"}
}

// applyContract replaces a call by what its contract says; said is false if
// that is nothing. ok is false if the call panics.
func (a *activation) applyContract(s *state, c contract, f Func, args []Value) (results []Value, said, ok bool) {
	name := a.m.unique(f.fn.Name())
	sig := f.fn.Signature.Results()
	seen := slices.Clone(args)
	for i, v := range args {
		if p, isPointer := v.(Pointer); isPointer {
			if seen[i], ok = a.load(s, p); !ok {
				return nil, true, false
			}
		}
	}
	results, assume, require := c.say(a.m, seen, func(i int) Value {
		if i < sig.Len() {
			return a.m.Var(fmt.Sprintf("%s.result%d", name, i), sig.At(i).Type())
		}
		return a.rename(fmt.Sprintf("%s.result%d", name, i), seen[c.writes[i-sig.Len()]])
	})
	if results == nil && sig.Len()+len(c.writes) > 0 {
		return nil, false, true
	}
	a.m.check(s.path, a.at, "precondition of "+f.fn.String(), a.m.b.Not(require))
	a.m.assume = append(a.m.assume, a.m.b.Implies(s.path.all, assume))
	for i, param := range c.writes {
		if !a.store(s, args[param].(Pointer), results[sig.Len()+i]) {
			return nil, true, false
		}
	}
	return results[:sig.Len()], true, true
}
