package agnicav23

import (
	"context"
	"fmt"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

const linux58Path = "github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"

// Subject is a release of the verifier whose source has been read.
type Subject struct {
	Release linux58.Release
	// Tries is how often the compiled source is run on random registers, without
	// finding more, before the solver is asked; Load sets it. The solver finds
	// the violations that are there if it is 0.
	Tries int
	prog  *symgo.Program
}

// Load reads the source of package linux58 from this binary.
func Load(v linux58.Release) (*Subject, error) {
	prog, err := symgo.Load(
		symgo.Source{Path: "github.com/bpfproof/bpfproof/ir", Files: ir.GoSource},
		symgo.Source{Path: linux58Path, Files: linux58.GoSource})
	if err != nil {
		return nil, fmt.Errorf("agni-cav23: load linux58: %w", err)
	}
	return &Subject{Release: v, Tries: 50_000, prog: prog}, nil
}

// Witness shows a violation: X is in D and Y in S, and the column of the result
// does not hold the word that it must. Under Sro, D and S are what Sync was
// given.
type Witness struct {
	D, S linux58.Reg
	X, Y uint64
}

// Cell is what became of one column of one operator.
type Cell struct {
	Outcome smt.Outcome // Refuted is a violation
	Reason  string      // why it is not known
	Hunted  bool        // if Refuted: by running the compiled source, without solver
	Witness Witness     // if Refuted
}

// Row is what became of an operator.
type Row struct {
	Op        Operator
	Condition Condition
	Cells     [5]Cell // by linux58.Column
	Elapsed   time.Duration
}

// Violations counts the columns that are refuted.
func (r Row) Violations() (n int) {
	for _, c := range r.Cells {
		if c.Outcome == smt.Refuted {
			n++
		}
	}
	return n
}

// Sound reports whether all columns are proved.
func (r Row) Sound() bool {
	for _, c := range r.Cells {
		if c.Outcome != smt.Proved {
			return false
		}
	}
	return true
}

// calls runs functions of package linux58 on terms.
type calls struct {
	s     *Subject
	b     *smt.Builder
	m     *symgo.Machine
	fails smt.Term // 1 where any of them panics
	err   error
}

func (s *Subject) calls() *calls {
	b := smt.NewBuilder()
	return &calls{s: s, b: b, m: symgo.NewMachine(s.prog, b, symgo.Limits{}), fails: b.Bool(false)}
}

// call runs a function. Arguments are values, terms of unsigned words, or Go
// constants. After an error it returns nothing of use.
func (c *calls) call(name string, args ...any) []symgo.Value {
	if c.err != nil {
		return []symgo.Value{symgo.Bool{Term: c.fails}, nil}
	}
	fn, err := c.s.prog.Func(linux58Path + "." + name)
	if err != nil {
		c.err = err
		return []symgo.Value{symgo.Bool{Term: c.fails}, nil}
	}
	var values []symgo.Value
	for _, a := range args {
		switch a := a.(type) {
		case symgo.Value:
			values = append(values, a)
		case smt.Term:
			values = append(values, symgo.Word{Term: a})
		default:
			values = append(values, c.m.Const(a))
		}
	}
	res, err := c.m.Call(fn, values...)
	if err != nil {
		c.err = err
		return []symgo.Value{symgo.Bool{Term: c.fails}, nil}
	}
	c.fails = c.b.Or(c.fails, res.Fails)
	return res.Results
}

// register makes a symbolic register.
func (c *calls) register(name string) symgo.Value {
	fn, err := c.s.prog.Func(linux58Path + ".Sync")
	if err != nil {
		c.err = err
		return nil
	}
	return c.m.Var(name, fn.Param(0))
}

func (c *calls) truth(name string, args ...any) smt.Term {
	b, ok := c.call(name, args...)[0].(symgo.Bool)
	if !ok {
		return c.fails
	}
	return b.Term
}

// after is an operator run on terms: what its result must hold.
type after struct {
	reg  symgo.Value
	word smt.Term
	when smt.Term // 1 where the register is that of the way that is taken
}

// run runs an operator on registers and their words. The first result is the
// destination; of a jump there are four.
func (c *calls) run(op Operator, d, s symgo.Value, x, y smt.Term) []after {
	b, w := c.b, op.width()
	p, q := b.Resize(x, ir.W64, w, false), b.Resize(y, ir.W64, w, false)
	if op.Jump == ir.NoCmp {
		z := b.Resize(sem.ALU[smt.Term](b, op.ALU, w, p, q), w, ir.W64, false)
		return []after{{c.call("ALU", c.s.Release, op.ALU, op.Half, d, s)[0], z, b.Bool(true)}}
	}
	ways := c.call("Jump", op.Jump, op.Half, d, s)
	if c.err != nil {
		return nil
	}
	yes := sem.Cond[smt.Term](b, op.Jump, w, p, q)
	var out []after
	for i, when := range []smt.Term{yes, b.Not(yes)} {
		pair := ways[i].(*symgo.Struct)
		out = append(out, after{pair.Fields[0], x, when}, after{pair.Fields[1], y, when})
	}
	return out
}

// keeps are the conditions that a column of each result holds its word.
func (c *calls) keeps(column linux58.Column, results []after) []smt.Term {
	goals := []smt.Term{c.b.Not(c.fails)}
	for _, r := range results {
		goals = append(goals, c.b.Implies(r.when, c.truth("Reg.Holds", r.reg, column, r.word)))
	}
	return append(goals, c.b.Not(c.fails)) // Holds does not panic either
}

// proveAll proves goals one by one, until one is not proved: a solver is quicker
// with each than with their conjunction.
func (c *calls) proveAll(ctx context.Context, solver smt.Solver, premises, goals []smt.Term) (proof smt.Proof, err error) {
	proof.Outcome = smt.Proved
	for _, goal := range goals {
		if proof, err = smt.Prove(ctx, solver, c.b, premises, goal); err != nil || proof.Outcome != smt.Proved {
			return proof, err
		}
	}
	return proof, nil
}

// Decide decides the five columns of an operator. A violation that the compiled
// source does not show is an error.
func (s *Subject) Decide(ctx context.Context, solver smt.Solver, op Operator, cond Condition) (Row, error) {
	row, start := Row{Op: op, Condition: cond}, time.Now()
	c := s.calls()
	d0, s0, x, y := c.register("d"), c.register("s"), c.b.Var("x", ir.W64), c.b.Var("y", ir.W64)
	d, src := d0, s0
	if cond == Sro {
		d, src = c.call("Sync", d0)[0], c.call("Sync", s0)[0]
	}
	premises := []smt.Term{c.truth("Reg.Contains", d, x), c.truth("Reg.Contains", src, y)}
	results := c.run(op, d, src, x, y)
	var left []linux58.Column
	for column, w := range s.hunt(op, cond) {
		if w != nil {
			row.Cells[column] = Cell{Outcome: smt.Refuted, Hunted: true, Witness: *w}
		} else {
			left = append(left, linux58.Column(column))
		}
	}
	err := s.solve(ctx, solver, c, premises, results, left, &row, func(m *smt.Model) (w Witness) {
		c.m.Evaluate(m, d0, &w.D)
		c.m.Evaluate(m, s0, &w.S)
		w.X, w.Y = m.Eval(c.b, x), m.Eval(c.b, y)
		return w
	})
	row.Elapsed = time.Since(start)
	return row, err
}

// solve has the solver decide columns.
func (s *Subject) solve(ctx context.Context, solver smt.Solver, c *calls, premises []smt.Term, results []after, left []linux58.Column, row *Row, witness func(*smt.Model) Witness) error {
	for _, column := range left {
		goals := c.keeps(column, results)
		if c.err != nil {
			return fmt.Errorf("agni-cav23: translate %s: %w", row.Op.Name, c.err)
		}
		proof, err := c.proveAll(ctx, solver, premises, goals)
		if err != nil {
			return fmt.Errorf("agni-cav23: decide %s of %s: %w", column, row.Op.Name, err)
		}
		cell := Cell{Outcome: proof.Outcome, Reason: proof.Result.Reason}
		if cell.Outcome == smt.Refuted {
			cell.Witness = witness(proof.Result.Model)
			if !s.Shows(row.Op, row.Condition, column, cell.Witness) {
				return fmt.Errorf("agni-cav23: decide %s of %s under %s: the compiled source does not show %+v", column, row.Op.Name, row.Condition, cell.Witness)
			}
		}
		row.Cells[column] = cell
	}
	return nil
}

// Violated runs the compiled source on a witness, and tells which columns of the
// result do not hold the word that they must; ok is false if the words are not
// in the registers.
func (s *Subject) Violated(op Operator, cond Condition, w Witness) (violated [5]bool, ok bool) {
	d, src := w.D, w.S
	if cond == Sro {
		d, src = linux58.Sync(d), linux58.Sync(src)
	}
	if !d.Contains(w.X) || !src.Contains(w.Y) {
		return violated, false
	}
	for _, r := range step(s.Release, op, d, src, w.X, w.Y) {
		for _, column := range linux58.Columns() {
			violated[column] = violated[column] || !r.reg.Holds(column, r.word)
		}
	}
	return violated, true
}

// Shows reports whether a witness shows that a column is violated.
func (s *Subject) Shows(op Operator, cond Condition, column linux58.Column, w Witness) bool {
	violated, ok := s.Violated(op, cond, w)
	return ok && violated[column]
}

// held is a register with the word in it.
type held struct {
	reg  linux58.Reg
	word uint64
}

// step runs an operator on registers and their words; the first result is the
// destination.
func step(v linux58.Release, op Operator, d, s linux58.Reg, x, y uint64) []held {
	w := op.width()
	p, q := x&w.Mask(), y&w.Mask()
	if op.Jump == ir.NoCmp {
		return []held{{linux58.ALU(v, op.ALU, op.Half, d, s), sem.ALU[uint64](sem.Concrete{}, op.ALU, w, p, q)}}
	}
	taken, passed := linux58.Jump(op.Jump, op.Half, d, s)
	if sem.Cond[uint64](sem.Concrete{}, op.Jump, w, p, q) == 0 {
		taken = passed
	}
	return []held{{taken.Dst, x}, {taken.Src, y}}
}
