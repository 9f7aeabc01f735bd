// Package invariant is the form in which abstract states of a program leave the
// engine that found them: which states each instruction can be met in, and
// which of them follow which. It says what a state means (Contains), and nothing of
// how one is found or checked.
//
// A Set claims: whenever a run of the program comes to an instruction, the
// machine is described by one of the states that the set has there. Package
// verifier writes sets, package verifier/recheck confirms them, and tests hold
// traces of interpreters against them.
//
// # Invariants
//
// A set holds a state of one instruction once. Ids are numbered from 1 in each
// state, in order of appearance, so equal states look equal. What states share
// (registers, slots, frames) is held once and must not be changed.
//
// The package must not know the verifier, its checker, nor any domain.
//
//	set := report.Invariants.Data()
//	for _, r := range set.Records { fmt.Println(r.PC, r.State.String()) }
//
// Sources: P. Cousot and R. Cousot, "Abstract interpretation" (POPL 1977), for
// what an inductive invariant is; G. Necula, "Proof-carrying code" (POPL 1997),
// for annotations that nobody has to trust.
package invariant
