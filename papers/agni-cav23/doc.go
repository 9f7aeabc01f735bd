// Package agnicav23 answers H. Vishwanathan, M. Shachnai, S. Narayana,
// S. Nagarakatte: Verifying the Verifier: eBPF Range Analysis Verification, CAV
// 2023: which operators of a range analysis are sound, for all 64-bit words, and
// which of the five views of a register the operators of Linux 5.8 and 5.9 got
// wrong.
//
// It knows operators, solvers and files to draw to; how a register is
// represented is up to package linux58. CLAIMS.md lists each claim with the
// command and the golden file that answer it.
//
// # Invariants
//
// What is decided is Go source, translated by package symgo: there is no model
// of an operator beside it. A violation counts only after the compiled source,
// run on the solver's words, has shown it. What a solver does not decide is
// unknown and printed so. Tables repeat; times do not.
//
//	s, err := agnicav23.Load(linux58.V59)
//	row, err := s.Decide(ctx, solver, op, agnicav23.Gen) // row.Cells[linux58.S64].Outcome
//
// Sources: the paper; its artifact (doi 10.5281/zenodo.7931901,
// github.com/bpfverif/ebpf-range-analysis-verification-cav23), whose README holds
// the table for Linux 5.9 and whose scripts say what gen and sro mean.
package agnicav23
