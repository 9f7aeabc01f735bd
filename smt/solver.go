package smt

import (
	"context"
	"time"
)

// Status is a solver's answer.
type Status uint8

// The answers. Unknown is the zero value.
const (
	Unknown Status = iota // no answer: limit, cancellation, or the solver gave up
	Sat                   // the assertions hold together in the model
	Unsat                 // they do not
)

// String returns "unknown", "sat" or "unsat".
func (s Status) String() string { return [...]string{"unknown", "sat", "unsat"}[s] }

// Limits bound one check. Zero means no limit. Steps make answers repeat, a
// time-out does not: use it as a safety net above the steps.
type Limits struct {
	Timeout time.Duration
	Steps   uint64 // resource units of the solver (rlimit); they differ between solvers and versions
	Seed    uint32 // of the solver's random choices
}

// Result is the answer to a check. The zero Result is Unknown.
type Result struct {
	Status  Status
	Model   *Model // if Sat: every assertion has been evaluated to true under it
	Reason  string // if Unknown: why, in the solver's words
	Solver  string // name
	Version string
	Limit   Limits
	Seed    uint32
	Elapsed time.Duration
	Proof   *ProofInfo // if Unsat and the solver's proof of it was checked; otherwise nil
}

// ProofInfo describes a proof of Unsat that was checked without trusting the
// solver.
type ProofInfo struct {
	Bytes     int64         // length of the proof as the solver wrote it
	Lemmas    int           // steps that add a clause
	Checked   int           // of these, those that the conclusion rests on
	CheckTime time.Duration // of the check when it was made
	Cached    bool          // it was made in an earlier run, for the same clauses
}

// Solver decides assertions: terms of one bit that must all be 1. A Solver is
// safe for use by several goroutines as long as none of them makes terms in a
// Builder that another one has passed to it.
//
// A limit that is hit and a context that ends give Unknown with a reason and
// no error; an error means that the solver could not be used, or was wrong.
type Solver interface {
	// Name is the solver's name, such as "z3".
	Name() string
	// Check decides whether all assertions can be 1 together.
	Check(ctx context.Context, b *Builder, assertions ...Term) (Result, error)
}

// Session checks many sets of assertions over common premises. It belongs to
// one goroutine.
type Session interface {
	// Assert adds premises for all later checks.
	Assert(premises ...Term) error
	// Check decides premises and assertions together; the assertions are
	// forgotten afterwards.
	Check(ctx context.Context, assertions ...Term) (Result, error)
	// Close frees the session; no call may follow.
	Close() error
}

// Incremental is a Solver that keeps what it has learnt of the premises.
type Incremental interface {
	Solver
	// Open starts a session over terms of b.
	Open(b *Builder) (Session, error)
}

// Open starts a session with any solver: one that is not Incremental is given
// the premises anew for every check.
func Open(s Solver, b *Builder) (Session, error) {
	if inc, ok := s.(Incremental); ok {
		return inc.Open(b)
	}
	return &replay{solver: s, b: b}, nil
}

type replay struct {
	solver   Solver
	b        *Builder
	premises []Term
}

func (r *replay) Assert(premises ...Term) error {
	r.premises = append(r.premises, premises...)
	return nil
}

func (r *replay) Check(ctx context.Context, assertions ...Term) (Result, error) {
	all := append(r.premises[:len(r.premises):len(r.premises)], assertions...)
	return r.solver.Check(ctx, r.b, all...)
}

func (r *replay) Close() error { return nil }
