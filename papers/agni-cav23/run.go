package agnicav23

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/bitblast"
)

// Options size a run.
type Options struct {
	Out io.Writer // tables
	Dir string    // where figures are written
	// Keep chooses among the operators of range analysis of our domains; nil
	// keeps all.
	Keep func(domain, op string) bool
	// Operators names those of the violation table; all if empty.
	Operators []string
	// Longest is the greatest length of programs to look for.
	Longest int
	// Timeout bounds one query; what it cuts short is unknown.
	Timeout time.Duration
	// CheckProofs counts a column as sound only with a checked proof of the
	// solver.
	CheckProofs bool
	// Progress, unless nil, is told how much of a step is done.
	Progress func(step string, done, total int)
}

func (o Options) progress(step string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) { o.Progress(step, done, total) }
}

func (o Options) solver() (smt.Solver, error) {
	return bitblast.New(smt.Limits{Timeout: o.Timeout}, bitblast.Options{CheckProof: o.CheckProofs})
}

// Run prints the tables and draws the figures.
func Run(ctx context.Context, o Options) error {
	if _, err := o.operators(); err != nil {
		return err
	}
	solver, err := o.solver()
	if err != nil {
		return err
	}
	if err := ours(ctx, o, solver); err != nil {
		return err
	}
	return violations(ctx, o, solver)
}

// operators returns those that are asked for.
func (o Options) operators() ([]Operator, error) {
	all := Operators()
	if len(o.Operators) == 0 {
		return all, nil
	}
	for _, name := range o.Operators {
		if _, ok := find(name); !ok {
			return nil, fmt.Errorf("agni-cav23: choose operator %q: no such operator", name)
		}
	}
	return slices.DeleteFunc(all, func(op Operator) bool { return !slices.Contains(o.Operators, op.Name) }), nil
}

// violations prints the tables of Linux 5.9 and what differs in 5.8, their
// witnesses and programs, and draws the times.
func violations(ctx context.Context, o Options, solver smt.Solver) error {
	ops, err := o.operators()
	if err != nil {
		return err
	}
	t, err := Tabulate(ctx, solver, linux58.V59, ops, o.progress("operators of Linux 5.9"))
	if err != nil {
		return err
	}
	if err := printTables(o.Out, t); err != nil {
		return err
	}
	ors := slices.DeleteFunc(slices.Clone(ops), func(op Operator) bool { return !strings.HasPrefix(op.Name, "OR") })
	older, err := Tabulate(ctx, solver, linux58.V58, ors, o.progress("operators of Linux 5.8"))
	if err != nil {
		return err
	}
	if err := printTables(o.Out, older); err != nil {
		return err
	}
	if o.Longest > 0 {
		found, err := SynthesiseAll(ctx, solver, linux58.V59, t.Sro, o.Longest, o.progress("programs"))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(o.Out, "shortest programs, Linux 5.9\n%s\n", ProgramTable(found, true)); err != nil {
			return err
		}
	}
	names, all := violationSeries(t.Gen, t.Sro)
	files, err := draw(o.Dir, "violations", "Five columns of one operator, Linux 5.9", "operator", names, all)
	if err != nil {
		return err
	}
	return wrote(o.Out, files)
}

func printTables(out io.Writer, t Violations) error {
	for _, rows := range [][]Row{t.Gen, t.Sro} {
		if len(rows) == 0 {
			continue
		}
		_, err := fmt.Fprintf(out, "%s, %s: x violated, . sound, ? unknown\n%s\n", t.Release, rows[0].Condition, Table(rows, true))
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s, what shows each violation\n%s%s\n", t.Release, WitnessTable(t.Gen), WitnessTable(t.Sro))
	return err
}

func wrote(out io.Writer, files []string) error {
	_, err := fmt.Fprintf(out, "wrote %s\n", strings.Join(files, ", "))
	return err
}

// ProgramTable prints how long the shortest programs are, and with all the
// programs themselves.
func ProgramTable(found []Synthesis, all bool) string {
	var b strings.Builder
	if all {
		for _, s := range found {
			text := "none found"
			if s.Program != nil {
				text = s.Program.String()
			}
			if s.Open > 0 {
				text += fmt.Sprintf(" (%d sequences not decided)", s.Open)
			}
			fmt.Fprintf(&b, "%-9s %-4s %d, published %d: %s\n", s.Op.Name, s.Column, len(s.Program), publishedLength(s.Op, s.Column), text)
		}
	}
	counts, none := Lengths(found)
	fmt.Fprintf(&b, "%d violations; programs of length 1: %d, 2: %d, 3: %d; none found: %d\n", len(found), counts[0], counts[1], counts[2], none)
	b.WriteString("published, 5.9: 65 violations; programs of length 1: 39, 2: 26, 3: 0\n")
	return b.String()
}
