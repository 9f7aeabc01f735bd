// Package explain tells why the verifier refused a program: which demand was
// not met, which instructions on the way there decide it, where the fact that
// would have met it was lost, and an input that makes the program fail in the
// checking interpreter, if a search finds one.
//
//	e, err := explain.Explain(ctx, v, program, explain.Options{})
//	fmt.Print(e)
//
// It reads the verifier's own path (verifier.Path) and runs the program in
// package runtime/vm, which checks every access, so nothing it says of an input
// rests on the verifier. It must not know any domain, nor decide anything: the
// verdict is the verifier's.
//
// # Invariants
//
// An input is reported only if the interpreter ran the program on it and saw it
// break its rule, several times, at several places in memory and at several
// times of the clock; so the same input does so again, unless the program computes
// with addresses or the time. But for such programs everything is deterministic:
// the search is seeded and bounded by counts of tries and of instructions.
// "No failing input found" says nothing about whether there is one.
//
// Sources: Korel and Laski, "Dynamic program slicing" (1988) for slices of one
// path; Aschermann et al., "REDQUEEN: Fuzzing with Input-to-State
// Correspondence" (NDSS 2019) for how branches tell which bytes to change; Sen,
// Marinov and Agha, "CUTE: a concolic unit testing engine for C" (FSE 2005) for
// asking a solver which input makes the last branch of a run go the other way.
package explain
