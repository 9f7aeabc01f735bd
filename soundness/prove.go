package soundness

import (
	"context"
	"fmt"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/smt"
)

// Goal is one statement to be proved; its term has one bit.
type Goal struct {
	Name string
	Term smt.Term
}

// Obligation is what has to be proved of one operation of one domain: each
// goal follows from the premises. Members are the variables x and y, elements
// those whose names start with a, b, c or d.
type Obligation struct {
	Domain   string
	Op       string
	Width    ir.Width
	Builder  *smt.Builder
	Premises []smt.Term
	Facts    []smt.Term // premises too: instances of lemmas
	Goals    []Goal
	Checks   string // what can panic, and where
	RestsOn  []Line // what proofs take as given, each to be proved on its own
	// Open is set where contracts, lemmas or cut loops stand for what the source
	// does. A proof then holds for the source too, but a model may be that of no
	// run of it.
	Open bool
}

// Build states an operation of the domain, by contracts and lemmas where the
// domain has any. An error tells what in its source is outside of what symgo
// translates.
func (s *Subject) Build(op Op) (*Obligation, error) { return s.build(op, op.bare) }

// BuildExact states an operation without contracts, lemmas and cut loops. That
// of a contract has no such form.
func (s *Subject) BuildExact(op Op) (*Obligation, error) { return s.build(op, true) }

func (s *Subject) build(op Op, exact bool) (*Obligation, error) {
	b := smt.NewBuilder()
	st := &statement{calls: s.calls(b, exact), w: op.Width}
	st.line, st.width = op.Name, op.Width
	op.state(st)
	if st.err != nil {
		return nil, fmt.Errorf("soundness: build %s of %s at %d bits: %w", op.Name, s.Domain.Name, op.Width, st.err)
	}
	o := &Obligation{Domain: s.Domain.Name, Op: op.Name, Width: op.Width, Builder: b, Checks: st.describeChecks()}
	o.Premises, o.Facts, o.RestsOn = st.premises, st.hard.instances(), st.rests
	o.Open = st.open || st.cut || st.hard.used()
	o.Goals = []Goal{{"no panic", b.Not(st.fails)}}
	for _, g := range st.goals {
		o.Goals = append(o.Goals, Goal{g.Name, b.Implies(b.And(st.assume...), g.Term)})
	}
	return o, nil
}

// Stats measures the terms of all goals and premises.
func (o *Obligation) Stats() smt.Stats {
	ts := slices.Concat(o.Premises, o.Facts)
	for _, g := range o.Goals {
		ts = append(ts, g.Term)
	}
	return o.Builder.Stats(ts...)
}

// Proof is the answer for one goal.
type Proof struct {
	Goal string
	smt.Proof
}

// Prove decides the goals, without the lemmas where that will do, in order and stops at the first that is not proved.
// The obligation is discharged if as many goals are proved as there are.
func (o *Obligation) Prove(ctx context.Context, solver smt.Solver) ([]Proof, error) {
	var proofs []Proof
	for _, g := range o.Goals {
		p, err := smt.Prove(ctx, solver, o.Builder, o.Premises, g.Term)
		if err == nil && p.Outcome != smt.Proved && len(o.Facts) > 0 {
			p, err = smt.Prove(ctx, solver, o.Builder, slices.Concat(o.Premises, o.Facts), g.Term)
		}
		if err != nil {
			return proofs, fmt.Errorf("soundness: prove %s of %s at %d bits: %s: %w", o.Op, o.Domain, o.Width, g.Name, err)
		}
		proofs = append(proofs, Proof{g.Name, p})
		if p.Outcome != smt.Proved {
			break
		}
	}
	return proofs, nil
}

// Ops lists the operations of the domain, and its contracts.
func (s *Subject) Ops() []Op { return append(Ops(), s.contracts.ops...) }
