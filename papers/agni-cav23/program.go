package agnicav23

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/symgo"
)

// Operand is what an instruction of a program reads.
type Operand struct {
	From  int    // number of the instruction whose destination it is; -1 for a register of its own
	Known bool   // of a register of its own: the verifier knows the word
	Word  uint64 // of a register of its own
}

// Step is an instruction of a program.
type Step struct {
	Op   Operator
	D, S Operand
}

// Program is a sequence that starts with registers that are known or not known
// at all, and whose last instruction violates a column. Instructions read the
// destinations of those before them; of jumps, the way that the words take.
type Program []Step

// String prints the program with the words that show the violation.
func (p Program) String() string {
	var steps []string
	for _, s := range p {
		steps = append(steps, fmt.Sprintf("%s(%s, %s)", s.Op.Name, s.D, s.S))
	}
	return strings.Join(steps, "; ")
}

// String prints a constant, a word that the verifier does not know, or the
// number of an earlier instruction.
func (o Operand) String() string {
	switch {
	case o.From >= 0:
		return fmt.Sprintf("result %d", o.From+1)
	case o.Known:
		return fmt.Sprintf("%#x", o.Word)
	}
	return fmt.Sprintf("any, say %#x", o.Word)
}

// Priors returns the instructions that may come before the last, which are
// those of the artifact's configuration. Their order decides which of several
// shortest programs is found.
func Priors() []Operator {
	var ops []Operator
	for _, name := range []string{"JGE", "JSLE", "JLE", "JSGE", "JNE", "JSLE_32", "JLE_32", "JGE_32", "JSGE_32", "JNE_32"} {
		if op, ok := find(name); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// Shows runs the compiled source along a program, and reports whether every
// register that it reads contains its word and the last instruction violates
// the column.
func (p Program) Shows(v linux58.Release, column linux58.Column) bool { return p.violated(v)[column] }

// violated tells which columns the last instruction violates; none if a
// register that is read does not contain its word.
func (p Program) violated(v linux58.Release) (columns [5]bool) {
	var done []held
	for i, s := range p {
		d, src := s.D.read(done), s.S.read(done)
		if !d.reg.Contains(d.word) || !src.reg.Contains(src.word) {
			return [5]bool{}
		}
		results := step(v, s.Op, d.reg, src.reg, d.word, src.word)
		if i == len(p)-1 {
			for _, r := range results {
				for _, column := range linux58.Columns() {
					columns[column] = columns[column] || !r.reg.Holds(column, r.word)
				}
			}
		}
		done = append(done, results[0])
	}
	return columns
}

func (o Operand) read(done []held) held {
	if o.From >= 0 {
		return done[o.From]
	}
	return held{linux58.Initial(o.Known, o.Word), o.Word}
}

// symbolic is an operand whose choices are variables.
type symbolic struct {
	reg         symgo.Value
	word        smt.Term
	known, init smt.Term
	from        []smt.Term // by instruction: 1 if it is that one's destination; the last that is counts
}

// operand makes an operand of which the solver chooses.
func (c *calls) operand(name string, done []symbolic) symbolic {
	b := c.b
	o := symbolic{known: b.Var(name+".known", ir.W1), init: b.Var(name+".word", ir.W64)}
	o.reg, o.word = c.call("Initial", symgo.Bool{Term: o.known}, o.init)[0], o.init
	for i, r := range done {
		from := b.Var(fmt.Sprintf("%s.from%d", name, i), ir.W1)
		o.from = append(o.from, from)
		o.reg, o.word = c.call("Choose", symgo.Bool{Term: from}, r.reg, o.reg)[0], b.Ite(from, r.word, o.word)
	}
	return o
}

// choice reads an operand from a model.
func (o symbolic) choice(b *smt.Builder, m *smt.Model) Operand {
	got := Operand{From: -1, Known: m.Eval(b, o.known) == 1, Word: m.Eval(b, o.init)}
	for i, from := range o.from {
		if m.Eval(b, from) == 1 {
			got.From = i
		}
	}
	return got
}

// way returns the destination of an instruction: of a jump, where its words go.
func (c *calls) way(results []after) symbolic {
	r := symbolic{reg: results[0].reg, word: results[0].word}
	if len(results) == 4 { // destination and source where it is taken, then where not
		r.reg = c.call("Choose", symgo.Bool{Term: results[0].when}, results[0].reg, results[2].reg)[0]
	}
	return r
}

// Synthesise looks for programs of these operators, in this order, whose last
// instruction violates columns; the compiled source has shown each that is
// returned. It asks the solver of all that columns names at once, and if there
// is any program, one by one; open counts those that it does not decide.
func (s *Subject) Synthesise(ctx context.Context, solver smt.Solver, ops []Operator, columns []linux58.Column) (found [5]Program, open int, err error) {
	found = s.huntPrograms(ops)
	columns = slices.DeleteFunc(slices.Clone(columns), func(c linux58.Column) bool { return found[c] != nil })
	if len(columns) == 0 {
		return found, 0, nil
	}
	c := s.calls()
	q := c.sequence(ops)
	goals, all := map[linux58.Column]smt.Term{}, c.b.Bool(true)
	for _, column := range columns {
		goals[column] = c.b.And(c.keeps(column, q.last)...)
		all = c.b.And(all, goals[column])
	}
	if c.err != nil {
		return found, 0, fmt.Errorf("agni-cav23: translate program: %w", c.err)
	}
	whole, err := smt.Prove(ctx, solver, c.b, q.premises, all)
	if err != nil || whole.Outcome == smt.Proved {
		return found, 0, err
	}
	for _, column := range columns {
		proof, err := smt.Prove(ctx, solver, c.b, q.premises, goals[column])
		switch {
		case err != nil:
			return found, open, err
		case proof.Outcome == smt.Undecided:
			open++
		case proof.Outcome == smt.Refuted:
			if found[column] = q.program(c.b, proof.Result.Model, ops); !found[column].Shows(s.Release, column) {
				return found, open, fmt.Errorf("agni-cav23: synthesise %s: the compiled source does not show it: %v", column, found[column])
			}
		}
	}
	return found, open, nil
}

// sequence is a program of which the solver chooses the operands.
type sequence struct {
	operands [][2]symbolic
	premises []smt.Term
	last     []after
}

func (c *calls) sequence(ops []Operator) (q sequence) {
	var done []symbolic
	for i, op := range ops {
		d, src := c.operand(fmt.Sprintf("d%d", i), done), c.operand(fmt.Sprintf("s%d", i), done)
		q.premises = append(q.premises, c.truth("Reg.Contains", d.reg, d.word), c.truth("Reg.Contains", src.reg, src.word))
		q.last = c.run(op, d.reg, src.reg, d.word, src.word)
		if c.err != nil {
			break
		}
		q.operands, done = append(q.operands, [2]symbolic{d, src}), append(done, c.way(q.last))
	}
	return q
}

func (q sequence) program(b *smt.Builder, m *smt.Model, ops []Operator) (p Program) {
	for i, op := range ops {
		p = append(p, Step{op, q.operands[i][0].choice(b, m), q.operands[i][1].choice(b, m)})
	}
	return p
}

// huntPrograms runs the compiled source on random programs of these operators.
func (s *Subject) huntPrograms(ops []Operator) (found [5]Program) {
	rng := rand.New(rand.NewPCG(2023, uint64(len(ops))))
	for range s.Tries {
		var p Program
		for i, op := range ops {
			p = append(p, Step{op, randomOperand(rng, i), randomOperand(rng, i)})
		}
		for column, violated := range p.violated(s.Release) {
			if violated && found[column] == nil {
				found[column] = p
			}
		}
	}
	return found
}

func randomOperand(rng *rand.Rand, done int) Operand {
	o := Operand{From: -1, Known: rng.IntN(2) == 0, Word: word(rng)}
	if done > 0 && rng.IntN(2) == 0 {
		o.From = rng.IntN(done)
	}
	return o
}

// Synthesis is a column of an operator with a shortest program that violates
// it.
type Synthesis struct {
	Op      Operator
	Column  linux58.Column
	Program Program // nil if none was found
	// Open counts the shorter sequences that were not decided.
	Open int
}

// SynthesiseAll looks for shortest programs, of at most longest instructions,
// for every violation of rows; those that the paper does not have are left out.
func SynthesiseAll(ctx context.Context, solver smt.Solver, v linux58.Release, rows []Row, longest int, progress func(done, total int)) ([]Synthesis, error) {
	s, err := Load(v)
	if err != nil {
		return nil, err
	}
	var all []Synthesis
	for i, r := range rows {
		var columns []linux58.Column
		for _, column := range linux58.Columns() {
			if r.Cells[column].Outcome == smt.Refuted && r.Op.Jump != ir.JSET {
				columns = append(columns, column)
			}
		}
		found, err := s.search(ctx, solver, r.Op, columns, longest)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
		if progress != nil {
			progress(i+1, len(rows))
		}
	}
	return all, ctx.Err()
}

// search tries sequences by length, in the order of Priors.
func (s *Subject) search(ctx context.Context, solver smt.Solver, op Operator, columns []linux58.Column, longest int) ([]Synthesis, error) {
	var done []Synthesis
	sequences, open := [][]Operator{{op}}, 0
	for length := 1; length <= longest && len(columns) > 0; length++ {
		undecided := 0
		for _, ops := range sequences {
			found, n, err := s.Synthesise(ctx, solver, ops, columns)
			if err != nil {
				return done, err
			}
			undecided += n
			columns = slices.DeleteFunc(columns, func(c linux58.Column) bool {
				if found[c] != nil {
					done = append(done, Synthesis{op, c, found[c], open})
				}
				return found[c] != nil
			})
			if len(columns) == 0 {
				return done, nil
			}
		}
		open += undecided
		var next [][]Operator
		for _, prior := range Priors() {
			for _, ops := range sequences {
				next = append(next, append([]Operator{prior}, ops...))
			}
		}
		sequences = next
	}
	for _, c := range columns {
		done = append(done, Synthesis{Op: op, Column: c, Open: open})
	}
	return done, nil
}

// Lengths counts the programs of one, two and three instructions, and the
// violations without one.
func Lengths(found []Synthesis) (counts [3]int, none int) {
	for _, s := range found {
		if n := len(s.Program); n > 0 {
			counts[n-1]++
		} else {
			none++
		}
	}
	return counts, none
}
