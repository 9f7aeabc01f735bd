// Package z3 solves package smt's formulas with libz3, in this process.
//
// It has two layers. [New] gives an smt.Solver (and smt.Incremental), which is
// what everybody should use. Below it lies a small binding in the style of
// github.com/mitchellh/go-z3, with bit-vectors: Config, Context, Solver, Model,
// each with an explicit Close.
//
// The package must not know what the formulas are about. It trusts libz3 for
// Unsat only: a Sat answer is re-checked by evaluation.
//
// # Invariants
//
// A Context, and everything made from it, is used by one goroutine at a time;
// a second one gets an error. Only Context.Interrupt may be called from
// another goroutine, and not after Close. The smt.Solver makes a context of
// its own for every check and every session, so it is safe for use by several
// goroutines, and an answer does not depend on earlier checks.
//
// libz3's errors become Go errors: an error handler that does nothing is
// installed in every context, since the library's own ends the process.
//
// Terms of one bit are Z3 booleans, wider ones bit-vectors.
//
// Without cgo the package compiles too, and New says what to do.
//
// # Example
//
//	s, err := z3.New(smt.Limits{Steps: 1_000_000})
//	r, err := s.Check(ctx, b, b.Eq(x, y))
//
// # Sources
//
// The C API of Z3 4.8.12 (z3_api.h); QF_BV and QF_UFBV of SMT-LIB 2.6.
package z3

// Name is the name of the solver, in results and on the command line.
const Name = "z3"
