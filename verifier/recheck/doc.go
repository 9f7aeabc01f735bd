// Package recheck confirms what the verifier found without believing it: given a
// program and its invariants (package verifier/invariant), it shows in one pass
// that they are inductive and that a program of which they hold is safe.
//
//	set, err := report.Invariants.Data()
//	r := recheck.Program(p, set)
//	if r.Verdict != recheck.Confirmed { ... r.Reason ... }
//
// # What it shows
//
// Some record includes the machine at the program's start. For each record,
// alone: the instruction may run in its state (below), and whatever the machine
// is after it, some record at the instruction where it goes on includes it. So by
// induction on the length of a run, every state of every run is in the set, and
// every instruction of every run was allowed:
//
//   - reads: registers are read only after they were set; a pointer that may be
//     null is not followed; memory is accessed in the bounds of the stack, the
//     packet as far as it was compared, the context's fields, a map's value or key,
//     a record, a kernel object; read-only memory is not written; atomic
//     operations go to memory that takes them, aligned.
//   - calls: a helper exists, is available, licensed, and given what its classes of
//     arguments demand; frames are at most eight, the stacks of a chain of calls
//     take at most 512 bytes.
//   - global functions: what a call hands over is what the prototype says, whose
//     states begin with any such arguments; the caller takes any number back.
//   - ends: results are in the range of the program type or the callback; no
//     reference or lock is held at an exit or a tail call.
//
// Every run ends if following the records never comes back to one, save where
// something bounds how often: see package ending.
//
// # What it does not look at
//
// Rules of the kernel that are not about safety here: unreachable instructions,
// the number of instructions visited, which pointers may be added to or compared,
// several kinds of pointers at one instruction, the load flags that go with maps,
// tail calls below deep stacks. Whether a record is met at all: a set may hold
// more than it needs. What it has no meaning for, it names: the verdict is
// Unknown. It has none for loaders without privileges.
//
// # What it shares with the verifier
//
// The program and its meaning (ir, ir/sem), the tables of what helpers and
// contexts demand (ir/abi), and the abstract domain's operators, which have
// proofs of their own (package soundness). A mistake there may pass both; one in
// the verifier's transfer, checks, links, pruning or merging does not. So may one in
// the form and the order of states (package invariant), which the verifier does not
// use to decide. The package must not import verifier. It decides nothing about
// which states to keep, so it has no heuristics and no budget.
//
// Sources: G. Necula, "Proof-carrying code" (POPL 1997); E. Rose, "Lightweight
// bytecode verification" (2003), for a checker of one pass; the rules as in
// package ir/abi, from Linux 6.18.
package recheck
