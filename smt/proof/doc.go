// Package proof checks that a formula in conjunctive normal form is
// unsatisfiable, given a DRAT proof that a SAT solver wrote. With it, no
// solver has to be trusted.
//
// It imports the standard library only, and must not know where formulas come
// from. It reads DIMACS, and DRAT as text and binary.
//
// # What is checked
//
// A proof is a list of lemmas to add and clauses to delete. Every lemma that
// the conflict at the end rests on must follow by reverse unit propagation
// (RUP), or be a resolution asymmetric tautology (RAT) on its first literal,
// with respect to the clauses that are there when it is added. Lemmas on which
// nothing rests are not looked at. The check goes backward, from the conflict,
// and propagates over clauses that are known to matter first.
//
// Two things are as in drat-trim: the deletion of a clause that is the reason
// of a literal which follows by unit propagation alone is ignored, and so is
// that of a clause that is not there. The proof that is checked is then the
// one without that deletion, and a sound one.
//
// # Invariants
//
// NotVerified is the zero value, and Verified is given only at the one place
// where every lemma that matters has been checked. Each such check ends with a
// second look, which does not use the watch lists that found the conflict:
// every literal in it is an assumption, or the last one left of a clause that
// is there, after literals that came before it.
//
// Whatever the input, there is no panic; memory is proportional to what was
// read, of which Limits bound the amount.
//
// # Example
//
//	f, err := proof.ReadFormula(cnf, proof.Limits{})
//	p, err := proof.ReadProof(drat, proof.Binary, proof.Limits{})
//	r, err := proof.Check(ctx, f, p, proof.Limits{}) // r.Verdict == proof.Verified
//
// # Sources
//
// Wetzler, Heule and Hunt, "DRAT-trim: Efficient Checking and Trimming Using
// Expressive Clausal Proofs" (SAT 2014), for the formats and the backward
// check; Heule, "The DRAT format and DRAT-trim checker" (2016).
package proof
