// Package linux58 holds what the Linux verifier of 5.8 and 5.9 knew of a scalar
// register, and how And, Or, Sub and conditional jumps changed it, bugs
// included: five views of one word, each kept by operators of its own.
//
// The package is a subject of study and must not be used to verify programs.
// It knows registers only: no programs, no pointers, no proofs. Only behaviour
// is taken from Linux, no text; names and structure are ours.
//
// # Invariants
//
// Everything is plain value code without loops, so that package symgo turns it
// into terms. Every function is total: registers that no word fits, as the bugs
// make them, are handled as Linux handled them.
//
//	d, s := linux58.Unknown(), linux58.Known(5)
//	taken, _ := linux58.Jump(ir.JGT, false, d, s) // what holds where d > 5
//	taken.Dst.Holds(linux58.U32, 0)               // false: but 1<<32 > 5
//
// Sources: kernel/bpf/verifier.c and kernel/bpf/tnum.c of Linux 5.8 and 5.9, for
// behaviour; the commits and CVE entries named beside each bug.
package linux58
