// Package bitblast decides package smt's formulas by one SAT problem each:
// terms become a graph of gates, the gates become clauses, and the program
// CaDiCaL searches.
//
// The package must not know what the formulas are about. It trusts CaDiCaL for
// Unsat only where Options.CheckProof is off: with it, the solver must write a
// DRAT proof, package smt/proof checks it against the very clauses that the
// solver was given, and without a checked proof the answer is Unknown. A Sat
// answer is re-checked by evaluation of the terms. What is still to be trusted
// for Unsat is the way from terms to clauses, which is this package: the tests
// compare every operation with package sem, by exhaustion at small widths and
// on random terms at large ones.
//
// # Invariants
//
// The fan-ins of a gate have smaller numbers than the gate, and equal gates
// are one gate. The same terms give the same clauses, byte by byte, so an
// answer under a limit in conflicts repeats, and clauses can name a cache entry.
//
// Every word operation is total, with the meaning of SMT-LIB's bit-vectors.
// Uninterpreted functions are expanded after Ackermann: each application is a
// fresh word, and equal arguments give equal results.
//
// # Example
//
//	s, err := bitblast.New(smt.Limits{Steps: 1_000_000}, bitblast.Options{CheckProof: true})
//	r, err := s.Check(ctx, b, b.Not(goal)) // r.Status == smt.Unsat: r.Proof says how it was checked
//
// # Sources
//
// Brummayer and Biere, "Local Two-Level And-Inverter Graph Minimization
// without Blowup" (MEMICS 2006); Plaisted and Greenbaum, "A Structure-preserving
// Clause Form Translation" (1986); Tseitin (1968); chapter 6 of Kroening and
// Strichman, "Decision Procedures" (2016), for circuits and Ackermann's
// reduction; the manual of CaDiCaL 1.5.3.
package bitblast

// Name is the name of the solver, in results and on the command line.
const Name = "cadical"
