package agnicav23

import (
	"context"
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/papers/agni-cav23/linux58"
	"github.com/bpfproof/bpfproof/smt"
)

// Violations is the table of one release: all operators under Gen, and those
// that are not sound then under Sro too, as in the paper.
type Violations struct {
	Release  linux58.Release
	Gen, Sro []Row
}

// Sum counts violations and the operators that have any.
func Sum(rows []Row) (violations, unsound int) {
	for _, r := range rows {
		if n := r.Violations(); n > 0 {
			violations, unsound = violations+n, unsound+1
		}
	}
	return violations, unsound
}

// Tabulate decides the table of a release for some operators. progress, unless
// nil, is told how many of how many operators are done.
func Tabulate(ctx context.Context, solver smt.Solver, v linux58.Release, ops []Operator, progress func(done, total int)) (Violations, error) {
	t := Violations{Release: v}
	s, err := Load(v)
	if err != nil {
		return t, err
	}
	for i, op := range ops {
		row, err := s.Decide(ctx, solver, op, Gen)
		if err != nil {
			return t, err
		}
		t.Gen = append(t.Gen, row)
		if !row.Sound() {
			if row, err = s.Decide(ctx, solver, op, Sro); err != nil {
				return t, err
			}
			t.Sro = append(t.Sro, row)
		}
		if progress != nil {
			progress(i+1, len(ops))
		}
	}
	return t, ctx.Err()
}

// mark is how the table shows a cell: a violation, a proof, or neither.
func mark(o smt.Outcome) string { return [...]string{"?", ".", "x"}[o] }

// Table prints the violations of a condition beside the published ones of Linux
// 5.9, with times if timed.
func Table(rows []Row, timed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s %-26s   %-26s", "", "this run", "published, 5.9")
	if timed {
		fmt.Fprintf(&b, " %9s %9s", "seconds", "published")
	}
	b.WriteString("\n" + strings.TrimRight(fmt.Sprintf("%-9s %s | %s", "operator", heads(), heads()), " ") + "\n")
	for _, r := range rows {
		p, ok := PublishedFor(r.Op, r.Condition)
		fmt.Fprintf(&b, "%-9s", r.Op.Name)
		for _, c := range r.Cells {
			fmt.Fprintf(&b, " %4s", mark(c.Outcome))
		}
		b.WriteString(" |")
		same := true
		for i, c := range r.Cells {
			shown := " "
			if ok {
				shown = mark(outcome(p.Violated[i]))
				same = same && shown == mark(c.Outcome)
			}
			fmt.Fprintf(&b, " %4s", shown)
		}
		fmt.Fprintf(&b, "  %-9s", agreement(ok, same))
		if timed {
			fmt.Fprintf(&b, " %9.2f %9s", r.Elapsed.Seconds(), published(p.Seconds))
		}
		b.WriteString("\n")
	}
	violations, unsound := Sum(rows)
	fmt.Fprintf(&b, "%d violations of %d operators\n", violations, unsound)
	return trim(b.String())
}

func heads() string {
	var names []string
	for _, c := range linux58.Columns() {
		names = append(names, fmt.Sprintf("%4s", c))
	}
	return strings.Join(names, " ")
}

func outcome(violated bool) smt.Outcome {
	if violated {
		return smt.Refuted
	}
	return smt.Proved
}

func agreement(known, same bool) string {
	switch {
	case !known:
		return "not there"
	case same:
		return "same"
	}
	return "differs"
}

func published(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", seconds)
}

// trim drops spaces at the ends of lines.
func trim(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// WitnessTable prints what shows each violation: the words, what was known of
// them, and the operator.
func WitnessTable(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		for _, column := range linux58.Columns() {
			c := r.Cells[column]
			if c.Outcome == smt.Refuted {
				fmt.Fprintf(&b, "%-9s %-4s %s: x=%#x in %s, y=%#x in %s\n", r.Op.Name, column, r.Condition, c.Witness.X, c.Witness.D, c.Witness.Y, c.Witness.S)
			}
		}
	}
	return b.String()
}
