package solvers

import (
	"context"
	"fmt"
	"sync"

	"github.com/bpfproof/bpfproof/smt"
)

// Confirming is a solver whose Unsat others are asked about, too. Where one of
// them finds a model, Check fails: one of the two is wrong. What they do not
// decide within their limits, or where they fail themselves, is counted and
// changes nothing.
type Confirming struct {
	smt.Solver
	others []smt.Solver

	mu     sync.Mutex
	counts []Confirmations
}

// Confirmations counts what became of the questions that a solver was asked.
type Confirmations struct {
	Solver    string
	Asked     int
	Confirmed int   // Unsat as well
	Failed    int   // no answer but an error; what is left is open
	Err       error // the first of these
}

// Confirm returns a solver that asks the others as well.
func Confirm(s smt.Solver, others ...smt.Solver) *Confirming {
	c := &Confirming{Solver: s, others: others}
	for _, o := range others {
		c.counts = append(c.counts, Confirmations{Solver: o.Name()})
	}
	return c
}

// Check returns the answer of the solver itself.
func (c *Confirming) Check(ctx context.Context, b *smt.Builder, assertions ...smt.Term) (smt.Result, error) {
	r, err := c.Solver.Check(ctx, b, assertions...)
	if err != nil || r.Status != smt.Unsat {
		return r, err
	}
	for i, o := range c.others {
		second, err := o.Check(ctx, b, assertions...)
		if err == nil && second.Status == smt.Sat {
			return smt.Result{}, fmt.Errorf("solvers: confirm unsat of %s %s: %s %s has the model %v", r.Solver, r.Version, second.Solver, second.Version, second.Model)
		}
		c.mu.Lock()
		n := &c.counts[i]
		n.Asked++
		switch {
		case err != nil:
			n.Failed++
			if n.Err == nil {
				n.Err = err
			}
		case second.Status == smt.Unsat:
			n.Confirmed++
		}
		c.mu.Unlock()
	}
	return r, nil
}

// Counts returns what has been asked so far, by solver in the order of Confirm.
func (c *Confirming) Counts() []Confirmations {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Confirmations(nil), c.counts...)
}
