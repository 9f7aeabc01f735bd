package smt

import (
	"context"
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// Outcome says what became of a goal.
type Outcome uint8

// The outcomes. Undecided is the zero value and never counts as proved.
const (
	Undecided Outcome = iota // the result says why
	Proved                   // the goal follows from the premises
	Refuted                  // the model satisfies the premises and not the goal
)

// String returns "undecided", "proved" or "refuted".
func (o Outcome) String() string { return [...]string{"undecided", "proved", "refuted"}[o] }

// RewriterName stands in Result.Solver where no solver was asked.
const RewriterName = "rewriter"

// Proof is the answer to Prove.
type Proof struct {
	Outcome  Outcome
	Rewriter bool   // the rewrite rules alone decided; no solver was asked
	Result   Result // of checking the premises with the negated goal
}

// Prove decides whether goal is 1 wherever all premises are. Where the rewrite
// rules alone make the goal 1, or a premise 0, no solver is asked. A goal that
// is the constant 0 is only refuted by a model of the premises, from the
// solver if there are premises.
func Prove(ctx context.Context, s Solver, b *Builder, premises []Term, goal Term) (Proof, error) {
	if p, ok := Rewritten(b, premises, goal); ok {
		return p, nil
	}
	r, err := s.Check(ctx, b, append(slices.Clone(premises), b.Not(goal))...)
	if err != nil {
		return Proof{}, fmt.Errorf("smt: prove goal: %w", err)
	}
	return Proof{Outcome: outcomeOf(r.Status), Result: r}, nil
}

// ProveIn is Prove in a session that holds the premises.
func ProveIn(ctx context.Context, s Session, b *Builder, goal Term) (Proof, error) {
	if p, ok := Rewritten(b, nil, goal); ok && p.Outcome == Proved {
		return p, nil
	}
	r, err := s.Check(ctx, b.Not(goal))
	if err != nil {
		return Proof{}, fmt.Errorf("smt: prove goal: %w", err)
	}
	return Proof{Outcome: outcomeOf(r.Status), Result: r}, nil
}

// Rewritten decides a goal by the rewrite rules alone; ok is false if they do
// not.
func Rewritten(b *Builder, premises []Term, goal Term) (p Proof, ok bool) {
	b.want(OpNot, ir.W1, goal)
	b.want(OpNot, ir.W1, premises...)
	r := Result{Solver: RewriterName, Status: Unsat}
	if b.isOnes(goal) || slices.Contains(premises, goal) || slices.ContainsFunc(premises, b.isZero) {
		return Proof{Outcome: Proved, Rewriter: true, Result: r}, true
	}
	if b.isZero(goal) && !slices.ContainsFunc(premises, func(t Term) bool { return !b.isOnes(t) }) {
		r.Status, r.Model = Sat, NewModel() // every assignment is a model
		return Proof{Outcome: Refuted, Rewriter: true, Result: r}, true
	}
	return Proof{}, false
}

func outcomeOf(s Status) Outcome {
	return [...]Outcome{Unknown: Undecided, Sat: Refuted, Unsat: Proved}[s]
}
