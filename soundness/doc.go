// Package soundness states what it means that an abstract domain is right, as
// obligations for a solver, from the Go source of the domain that runs.
//
// It knows the contract of package absint and the meaning of words. It must
// not know how any domain works: there is no model of an operator here, and
// what is proved of a domain is read from its source.
//
// # Obligations
//
// An [Obligation] has premises and goals over the words of symbolic elements
// and of their members. For an operation on words that is: for all valid
// elements a and b of w bits, and all words x in a and y in b, the operator does
// not panic, its result is valid, and contains the result of package sem on x
// and y; the first two for elements without members, too. Validity and
// membership are the domain's own functions, translated like its operators.
// Lattice operations and refinements are stated likewise.
//
// # Invariants
//
// Nothing depends on map order: the same domain gives the same terms. An answer
// that is not a proof is never counted as one ([smt.Undecided]).
//
// A proof may take as given what other lines prove: contracts of functions, and
// of a product the lines of its parts. [Run] counts it only if all of them are
// proved in the same run; none can rest on itself.
//
//	s, err := soundness.Load(soundness.Domains()[0])
//	run := soundness.Run{Solver: solver, Workers: 2}
//	err = run.Decide(ctx, []*soundness.Subject{s}, s.Lines(), func(v soundness.Verdict) error { ... })
//
// Source: H. Vishwanathan, M. Shachnai, S. Narayana, S. Nagarakatte: Verifying
// the Verifier: eBPF Range Analysis Verification, CAV 2023, for the conditions.
package soundness
