package soundness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Verdict is what became of an operation.
type Verdict struct {
	Domain string
	Op     string
	Width  ir.Width
	Status smt.Outcome // Proved only if all goals are; for what they rest on, see Run
	Own    smt.Outcome // of the goals alone, whatever becomes of what they rest on; set by Run
	Goal   string      // the first that is not proved, "" if all are
	Reason string      // why it is not known
	Model  *smt.Model  // if refuted: a run of the source that shows it
	Solver string
	Goals  int
	// RestsOn holds the lines that the proof takes as given, in order.
	RestsOn []Line
	Elapsed time.Duration // for all of it; set by Run
	Solved  time.Duration // spent in the solver, and in the checks of its proofs

	// What the solver's proofs come to, where they were checked.
	Proofs     int
	Cached     int // of these, checked in an earlier run
	ProofBytes int64
	CheckTime  time.Duration // of those checked in this run
}

// decide states an operation, gives the obligation to built, and has the solver
// decide all that it demands, goal by goal. What is outside of the subset of
// symgo is unknown. A proof holds only if the lines do that it rests on.
//
// A model of an obligation that is open may be that of no run of the source.
// It refutes the operation only if the source itself, computed on it, does;
// otherwise the solver is asked once more, of the source alone.
func (s *Subject) decide(ctx context.Context, op Op, solver smt.Solver, built func(*Obligation) error) (Verdict, error) {
	v := Verdict{Domain: s.Domain.Name, Op: op.Name, Width: op.Width, Solver: solver.Name()}
	ob, err := s.Build(op)
	if err != nil {
		v.Reason = err.Error()
		return v, nil
	}
	if built != nil {
		if err := built(ob); err != nil {
			return v, err
		}
	}
	v.RestsOn = ob.RestsOn
	model, err := v.prove(ctx, ob, solver)
	if err != nil || model == nil {
		return v, err
	}
	if !ob.Open {
		v.Status, v.Model = smt.Refuted, model
		return v, nil
	}
	v.Reason = "the contracts and lemmas say too little: they allow what the source does not do"
	if strings.HasPrefix(op.Name, contractPrefix) {
		return v, nil
	}
	exact, err := s.BuildExact(op)
	if err != nil {
		v.Reason = err.Error()
		return v, nil
	}
	if real, goal := exact.shown(model); goal != "" {
		v.Status, v.Model, v.Goal, v.Reason = smt.Refuted, real, goal, ""
		return v, nil
	}
	again := Verdict{Domain: v.Domain, Op: v.Op, Width: v.Width, Solver: v.Solver, Solved: v.Solved}
	if model, err = again.prove(ctx, exact, solver); err != nil {
		return v, err
	}
	if model != nil {
		again.Status, again.Model = smt.Refuted, model
	}
	if again.Status == smt.Undecided {
		v.Solved = again.Solved
		return v, nil
	}
	return again, nil
}

// contractPrefix is what the names of contracts start with.
const contractPrefix = "contract."

// prove decides the goals until one is not proved, and returns the model that
// refutes that one, if any.
func (v *Verdict) prove(ctx context.Context, ob *Obligation, solver smt.Solver) (*smt.Model, error) {
	v.Goals = len(ob.Goals)
	proofs, err := ob.Prove(ctx, solver)
	if err != nil {
		return nil, err
	}
	for _, p := range proofs {
		v.Solved += p.Result.Elapsed
		if info := p.Result.Proof; info != nil {
			v.Proofs, v.ProofBytes = v.Proofs+1, v.ProofBytes+info.Bytes
			if info.Cached {
				v.Cached++
			} else {
				v.CheckTime += info.CheckTime
			}
		}
	}
	last := proofs[len(proofs)-1]
	if last.Outcome == smt.Proved && len(proofs) == len(ob.Goals) {
		v.Status = smt.Proved
		return nil, nil
	}
	v.Goal, v.Reason = last.Goal, last.Result.Reason
	if last.Outcome == smt.Refuted {
		return last.Result.Model, nil
	}
	return nil, nil
}

// shown computes the obligation under what a model says of its variables. If
// the premises hold and a goal does not, that goal is returned.
func (o *Obligation) shown(model *smt.Model) (real *smt.Model, goal string) {
	real = smt.NewModel()
	for _, sym := range o.Builder.Symbols() {
		if x, ok := model.Value(sym.Name); ok {
			real.Set(sym.Name, x)
		}
	}
	for _, x := range o.Builder.Eval(real, o.Premises...) {
		if x == 0 {
			return nil, ""
		}
	}
	for _, g := range o.Goals {
		if o.Builder.Eval(real, g.Term)[0] == 0 {
			return real, g.Name
		}
	}
	return nil, ""
}

// Witness prints the words of a refutation.
func (v Verdict) Witness() string {
	var parts []string
	for _, name := range v.Model.Vars() {
		if strings.Contains(name, "!") {
			continue // made for contracts and cut loops
		}
		x, _ := v.Model.Value(name)
		parts = append(parts, fmt.Sprintf("%s=%#x", name, x))
	}
	return strings.Join(parts, " ")
}

// Line returns what the verdict is about.
func (v Verdict) Line() Line { return Line{v.Domain, v.Op, v.Width} }
