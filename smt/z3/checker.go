//go:build cgo

package z3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bpfproof/bpfproof/smt"
)

// New returns libz3 as a solver with these limits for each check. It is an
// smt.Incremental.
func New(limits smt.Limits) (smt.Solver, error) { return &checker{limits: limits}, nil }

type checker struct{ limits smt.Limits }

var _ smt.Incremental = (*checker)(nil)

func (*checker) Name() string { return Name }

// Check decides the assertions in a context of its own.
func (k *checker) Check(ctx context.Context, b *smt.Builder, assertions ...smt.Term) (smt.Result, error) {
	s, err := k.Open(b)
	if err != nil {
		return smt.Result{}, err
	}
	if err := s.Assert(assertions...); err != nil {
		return smt.Result{}, errors.Join(err, s.Close())
	}
	r, err := s.Check(ctx)
	return r, errors.Join(err, s.Close())
}

// Open starts a session.
func (k *checker) Open(b *smt.Builder) (smt.Session, error) {
	return &session{limits: k.limits, b: b}, nil
}

// maxChecks is how many checks a session makes in one context; then it starts
// a new one, so that memory does not grow with the number of checks.
const maxChecks = 512

// session keeps a context as long as that is sound and useful. The context is
// made by the first check, with the solver that fits the assertions.
type session struct {
	limits   smt.Limits
	b        *smt.Builder
	premises []smt.Term
	asserted int // premises that the solver has
	checks   int

	ctx    *Context
	terms  *Translator
	solver *Solver
	logic  string
}

func (s *session) Assert(premises ...smt.Term) error {
	s.premises = append(s.premises, premises...)
	return nil
}

func (s *session) Close() error {
	if s.ctx == nil {
		return nil
	}
	var err error
	if s.solver != nil {
		err = s.solver.Close()
	}
	err = errors.Join(err, s.ctx.Close())
	s.ctx, s.terms, s.solver, s.logic, s.asserted, s.checks = nil, nil, nil, "", 0, 0
	return err
}

func (s *session) Check(ctx context.Context, assertions ...smt.Term) (smt.Result, error) {
	began := time.Now()
	r := smt.Result{Solver: Name, Version: Version(), Limit: s.limits, Seed: s.limits.Seed}
	if err := ctx.Err(); err != nil {
		r.Reason = err.Error()
		return r, nil
	}
	err := s.check(ctx, assertions, &r)
	r.Elapsed = time.Since(began)
	if err != nil {
		return smt.Result{}, errors.Join(err, s.Close()) // scopes may be open: start anew
	}
	return r, nil
}

func (s *session) check(ctx context.Context, assertions []smt.Term, r *smt.Result) error {
	if err := s.prepare(assertions); err != nil {
		return err
	}
	scoped := len(assertions) > 0
	if scoped {
		if err := s.solver.Push(); err != nil {
			return err
		}
	}
	if err := s.assert(assertions); err != nil {
		return err
	}
	if err := s.solve(ctx, r); err != nil {
		return err
	}
	if r.Status == smt.Sat {
		if err := s.model(assertions, r); err != nil {
			return err
		}
	}
	if r.Status == smt.Unknown { // an interrupted context may stay so
		return s.Close()
	}
	if scoped {
		return s.solver.Pop()
	}
	return nil
}

// prepare makes the context if there is none, and the solver if the one there
// is does not fit the logic, and gives it the premises.
func (s *session) prepare(assertions []smt.Term) error {
	if s.ctx != nil && s.checks >= maxChecks {
		if err := s.Close(); err != nil {
			return err
		}
	}
	if s.ctx == nil {
		if err := s.start(); err != nil {
			return err
		}
	}
	for _, t := range append(s.premises[s.asserted:len(s.premises):len(s.premises)], assertions...) {
		if w := s.b.Width(t); w != 1 {
			return fmt.Errorf("z3: assert term of %d bits: want one bit", w)
		}
		if _, err := s.terms.Term(t); err != nil {
			return err
		}
	}
	logic := "QF_BV"
	if s.terms.Functions() {
		logic = "QF_UFBV"
	}
	if logic != s.logic {
		if err := s.choose(logic); err != nil {
			return err
		}
	}
	s.checks++
	err := s.assert(s.premises[s.asserted:])
	s.asserted = len(s.premises)
	return err
}

func (s *session) start() error {
	cfg := NewConfig()
	defer cfg.Close()
	ctx, err := NewContext(cfg)
	if err != nil {
		return err
	}
	s.ctx, s.terms = ctx, ctx.NewTranslator(s.b)
	return nil
}

// choose makes a solver for the logic, in place of the one there is.
func (s *session) choose(logic string) error {
	if s.solver != nil {
		if err := s.solver.Close(); err != nil {
			return err
		}
	}
	solver, err := s.ctx.NewSolver(logic)
	if err != nil {
		return err
	}
	s.solver, s.logic, s.asserted = solver, logic, 0
	return solver.SetLimits(s.limits)
}

func (s *session) assert(ts []smt.Term) error {
	for _, t := range ts {
		z, err := s.terms.Term(t)
		if err != nil {
			return err
		}
		if err := s.solver.Assert(z); err != nil {
			return err
		}
	}
	return nil
}

// solve runs the check and interrupts it when ctx ends.
func (s *session) solve(ctx context.Context, r *smt.Result) error {
	finished, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-finished:
			return
		case <-ctx.Done():
		}
		for { // until it is noticed: the check may not have begun
			s.ctx.Interrupt()
			select {
			case <-finished:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	status, reason, err := s.solver.Check()
	close(finished)
	<-watched
	if err != nil && ctx.Err() == nil {
		return err
	}
	r.Status, r.Reason = status, reason
	if status != smt.Unknown {
		return nil
	}
	switch {
	case ctx.Err() != nil:
		r.Reason = ctx.Err().Error()
	case s.limits.Timeout > 0 && (reason == "canceled" || reason == "timeout"):
		r.Reason = fmt.Sprintf("time-out of %v", s.limits.Timeout)
	case reason == "":
		r.Reason = "no reason given"
	}
	return nil
}

// model reads the model and checks it by evaluation.
func (s *session) model(assertions []smt.Term, r *smt.Result) error {
	m, err := s.solver.Model()
	if err != nil {
		return err
	}
	all := append(s.premises[:len(s.premises):len(s.premises)], assertions...)
	r.Model, err = smt.Collect(s.b, all, func(t smt.Term) (uint64, error) {
		z, err := s.terms.Term(t)
		if err != nil {
			return 0, err
		}
		return m.Value(z)
	})
	if err != nil {
		r.Status = smt.Unknown
		err = fmt.Errorf("z3: model of %s: %w", r.Version, err)
	}
	return errors.Join(err, m.Close())
}
