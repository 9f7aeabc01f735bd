// Package smtlib speaks SMT-LIB 2: it writes package smt's formulas as
// scripts, reads what a solver replies, and drives solvers that run as
// programs of their own, over a pipe.
//
// The package must not know what the formulas are about, nor libz3. It trusts
// a program for Unsat only: a Sat answer is re-checked by evaluation.
//
// # Invariants
//
// A script is a function of the terms: the same terms give the same text.
// What is shared in the terms is written once (define-fun), so a script is as
// long as the graph. Names of the formulas are written as $name, with the
// bytes that a symbol may not hold as %xx; names of the writer start with ?;
// neither can be a word of the language.
//
// Terms of one bit are Bool, wider ones (_ BitVec n).
//
// A solver that says something else than the language allows, or ends early,
// is an error with its words; a solver that takes too long is ended.
//
// # Example
//
//	err := smtlib.Write(w, b, "sum-commutes", b.Not(goal))
//	s, err := smtlib.New(smtlib.CVC5(), smt.Limits{Timeout: time.Second})
//
// # Sources
//
// The SMT-LIB Standard 2.6 (Barrett, Fontaine, Tinelli, 2021); manuals of z3
// 4.8.12 and cvc5 1.0.3 for options.
package smtlib
