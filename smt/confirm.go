package smt

import (
	"context"
	"fmt"
)

// confirmBatch is how many steps a solver is asked about at once. One wrong
// step in a batch fails the batch, which is then asked step by step.
const confirmBatch = 32

// Confirmation says what a solver made of the rewriting of a Builder.
type Confirmation struct {
	Steps     int    `json:"steps"`     // different operations asked for
	Rewritten int    `json:"rewritten"` // of these, how many became another term
	Confirmed int    `json:"confirmed"` // of those, how many the solver found equal
	Solver    string `json:"solver"`
	Version   string `json:"version"`
	// Doubt is the first step that was not confirmed, and why.
	Doubt string `json:"doubt,omitempty"`
	// Theorems counts results of theorems that the proof rests on besides, whose
	// conditions were checked, but which no solver was asked about.
	Theorems int `json:"theorems,omitempty"`
}

// Holds reports whether every step was confirmed.
func (c *Confirmation) Holds() bool { return c.Confirmed == c.Rewritten }

// Confirm asks the solver about every step that the Builder has rewritten since
// Record: whether the operation as written, put into no normal form, equals the
// term that was given for it. If all are, what the rewrite rules concluded
// does not rest on the rules but on the solver. The error is the solver's.
func Confirm(ctx context.Context, s Solver, b *Builder) (Confirmation, error) {
	eqs, steps := b.equations()
	c := Confirmation{Steps: steps, Rewritten: len(eqs), Solver: s.Name()}
	for len(eqs) > 0 {
		n := min(len(eqs), confirmBatch)
		if err := c.ask(ctx, s, b, eqs[:n]); err != nil {
			return c, fmt.Errorf("smt: confirm rewriting: %w", err)
		}
		eqs = eqs[n:]
	}
	return c, nil
}

// ask counts the equations that hold.
func (c *Confirmation) ask(ctx context.Context, s Solver, b *Builder, eqs []Term) error {
	all := eqs[0]
	if len(eqs) > 1 {
		all = b.plain(OpAnd, b.Width(all), 0, eqs...)
	}
	r, err := s.Check(ctx, b, b.plainNot(all))
	if err != nil {
		return err
	}
	c.Version = r.Version
	switch {
	case r.Status == Unsat:
		c.Confirmed += len(eqs)
	case len(eqs) > 1:
		for i := range eqs {
			if err := c.ask(ctx, s, b, eqs[i:i+1]); err != nil {
				return err
			}
		}
	case c.Doubt == "":
		c.Doubt = fmt.Sprintf("%v: %s", r.Status, b.String(all))
	}
	return nil
}
