// Package smt builds bit-vector formulas and says what a solver is.
//
// A [Builder] makes terms: words of 1 to 64 bits, with uninterpreted
// functions over them. Words of one bit are the booleans. Equal terms are one
// term (hash-consing), and every constructor simplifies, so two terms that the
// rewrite rules can make equal are the same [Term] and compare with ==. The
// Builder is a sem.Algebra: what package sem writes once becomes a formula by
// being run with it.
//
// A [Solver] decides whether assertions can hold together. Packages smt/z3
// and smt/smtlib provide solvers; this one must not know them, nor eBPF, nor
// machine code.
//
// # Invariants
//
// A rewrite rule keeps the value of the term under every assignment. The tests
// compare each constructor with sem.Concrete, by exhaustion at small widths
// and on random terms up to 64 bits.
//
// The arguments of a term have smaller numbers than the term, so numeric order
// is topological order, and everything here is iterative over it. Nothing
// depends on map order or on addresses: the same calls give the same terms.
//
// An answer Sat carries a model under which every assertion has been evaluated
// to true. An answer Unknown is the zero value, and never counts as a proof.
//
// # Normal form
//
//   - Sums, differences, negations, complements, products and shifts by
//     constants are polynomials modulo 2^w: a sum of products of atoms, sorted,
//     so x+8-8 is x, and a*(b+c) is a*b + a*c.
//   - Masks, shifts right by constants and extensions by zeros are
//     concatenations of extractions and constants.
//   - Comparisons are Eq, ULT and SLT, with constants on the right.
//   - At width 1 there are only And, Not, Xor, Ite and leaves.
//
// # Example
//
//	b := smt.NewBuilder()
//	x, y := b.Var("x", ir.W64), b.Var("y", ir.W64)
//	sum := b.Bin(sem.Add, ir.W64, x, y)
//	b.Bin(sem.Sub, ir.W64, sum, y) == x // true, no solver needed
//
// # Sources
//
// SMT-LIB 2.6, theory FixedSizeBitVectors and logic QF_UFBV, for the meaning
// of every operation. The rules follow the usual word-level preprocessing, for
// which see chapter 6 of Kroening and Strichman, "Decision Procedures" (2016).
package smt
