// Package verifier decides whether a program is safe to run: no access outside
// the memory it was given, no use of what was never written, no pointer
// mistaken for another, no endless loop, no helper called with what it does
// not take.
//
//	v, err := verifier.New(verifier.Policy{Domain: "tnum+interval"})
//	report, err := v.Verify(ctx, program, nil)
//	if report.Verdict != verifier.Accept { ... report.Findings ... }
//
// # How it works
//
// It walks the program's paths over abstract states. A state gives each
// register and each byte of the stack a type; numbers, and the variable part
// of pointers, are elements of an abstract domain (package absint) that the
// policy names. The walk is written once, generically: the verifier knows no
// particular domain.
//
// For each instruction, obligations lists what must hold before it may run
// (syntax alone), decide compares one obligation with the state, and step
// makes the states after it. Decisions cannot change a state and step cannot
// refuse one, so what is refused and what is computed can be read, tested and
// proved apart.
//
// # Invariants
//
// A concrete run of the program is at every instruction described by one of the
// abstract states explored there (Report.Invariants). A path is cut short only
// where its state is included in one from which every path was explored to its
// end; see prune. Accept means that every obligation on every path was decided
// to hold and that all paths end, those of the global functions that are called
// included, which are walked apart from their callers (global.go). A first walk
// forgets numbers that nothing needs the value of, to compare fewer states, and does
// not unroll loops that a
// counter bounds (lap.go). Only what it accepts is final: later walks unroll, and
// the last one keeps all numbers. Reject means that one was not shown to hold.
// Unknown names the first construct that the verifier does not model, or the
// budget that ran out; it is never a pass.
//
// # Kernels
//
// Structures and functions of the kernel, iterators and dynamic pointers are decided
// with the types in Policy.Types; the files named btf, kfunc, iter and dynptr hold
// what is about them. Without types they are Unknown. Report.Kernel says that only a
// kernel may run what was accepted. Unknown by name remain objects that programs
// allocate, lists and trees of them, exceptions, work queues, arenas, res_spin_lock,
// programs of types struct_ops and ext, and functions that are in no table.
//
// The package must not know how programs are run, nor any domain.
//
// Sources: kernel/bpf/verifier.c of Linux 6.12 and 6.18, for the rules a
// program must keep and the words of the findings; "Simple and Precise Static
// Analysis of Untrusted Linux Kernel Extensions" (Gershuni et al., PLDI 2019)
// for obligations as syntax.
package verifier
