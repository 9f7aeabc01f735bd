package agnicav23

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/soundness"
)

// Ours decides the operators of our domains at 64 bits that keep wants, in the
// order of package soundness. What they rest on is decided too. progress,
// unless nil, is told how many of how many are done.
func Ours(ctx context.Context, solver smt.Solver, keep func(domain, op string) bool, progress func(done, total int)) ([]soundness.Verdict, error) {
	var subjects []*soundness.Subject
	for _, d := range soundness.Domains() {
		s, err := soundness.Load(d)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, s)
	}
	wanted := soundness.Find(subjects, func(l soundness.Line) bool { return l.Width == ir.W64 && keep(l.Domain, l.Op) })
	var verdicts []soundness.Verdict
	run := soundness.Run{Solver: solver, Workers: 2}
	err := run.Decide(ctx, subjects, wanted, func(v soundness.Verdict) error {
		verdicts = append(verdicts, v)
		if progress != nil {
			progress(len(verdicts), len(wanted))
		}
		return nil
	})
	return verdicts, err
}

// Ranged reports whether an operator is one of range analysis: of words, and
// what is learnt from jumps, but not of the lattice.
func Ranged(op string) bool {
	return strings.HasPrefix(op, "alu.") || strings.HasPrefix(op, "refine.") && !strings.HasPrefix(op, "refine.low")
}

// covered says what the paper's tool has of an operator. Its artifact lists 36,
// which are eight operations and ten jumps in two widths. The figure for
// multiplication is not from there.
func covered(op string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(op, "alu."), "refine.")
	switch strings.TrimSuffix(name, ".valid") {
	case "mul":
		return "8 bits"
	case "div", "mod", "sdiv", "smod":
		return "none"
	case "add", "sub", "and", "or", "xor", "lsh", "rsh", "arsh",
		"eq", "ne", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle":
		return "64 bits"
	}
	return "not listed"
}

// statusOf names an outcome; what is undecided is unknown.
func statusOf(o smt.Outcome) string {
	if o == smt.Undecided {
		return "unknown"
	}
	return o.String()
}

// OursTable prints verdicts with times, and how many are decided.
func OursTable(verdicts []soundness.Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-14s %-18s %-8s %10s  %s\n", "domain", "operator", "status", "seconds", "published tool")
	count := map[smt.Outcome]int{}
	for _, v := range verdicts {
		text := fmt.Sprintf("%-14s %-18s %-8s %10.2f  %-10s", v.Domain, v.Op, statusOf(v.Status), v.Elapsed.Seconds(), covered(v.Op))
		if v.Goal != "" {
			text += "  " + v.Goal
		}
		if v.Reason != "" {
			text += ": " + v.Reason
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
		count[v.Status]++
	}
	fmt.Fprintf(&b, "%d operators at 64 bits: %d proved, %d refuted, %d unknown\n", len(verdicts), count[smt.Proved], count[smt.Refuted], count[smt.Undecided])
	return b.String()
}

// oursSeries takes times from verdicts, by domain; those of unknown ones stand
// apart.
func oursSeries(verdicts []soundness.Verdict) (names []string, all []series) {
	place, at := map[string]int{}, map[string]int{}
	for _, v := range verdicts {
		if _, ok := place[v.Op]; !ok {
			place[v.Op] = len(names)
			names = append(names, v.Op)
		}
	}
	for _, v := range verdicts {
		name := v.Domain + ", " + statusOf(v.Status)
		i, ok := at[name]
		if !ok {
			i = len(all)
			at[name], all = i, append(all, series{name, empty(len(names))})
		}
		all[i].seconds[place[v.Op]] = v.Elapsed.Seconds()
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.name, b.name) })
	return names, all
}

// ours prints what is decided of our operators, and draws the times.
func ours(ctx context.Context, o Options, solver smt.Solver) error {
	verdicts, err := Ours(ctx, solver, func(domain, op string) bool {
		return Ranged(op) && (o.Keep == nil || o.Keep(domain, op))
	}, o.progress("our operators"))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(o.Out, "our operators of range analysis\n%s\n", OursTable(verdicts)); err != nil {
		return err
	}
	names, all := oursSeries(verdicts)
	files, err := draw(o.Dir, "ours", "Our operators at 64 bits", "operator", names, all)
	if err != nil {
		return err
	}
	return wrote(o.Out, files)
}

// empty returns n times that are not there.
func empty(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = math.NaN()
	}
	return xs
}
