// Package conformance runs programs as the public bpf_conformance suite
// (github.com/Alan-Jowett/bpf_conformance) means them, and reads what its
// runner sends to a plugin. It is the one place where a program runs that
// nobody verified: the suite holds engines to the instruction set, not to a
// verifier, and many of its programs are unsafe by any verifier's rules.
//
// It knows the suite's conventions and joins loaders and engines; it decides
// nothing about safety, and it is for the command's plugin and for tests only.
// Users' programs are loaded by package runtime, which asks the verifier.
//
// # Entry state
//
// r1 is the address of the memory, r2 its length in bytes, r10 the top of a
// stack of 512 bytes; other registers hold nothing that a program may rely on.
// Helper 5 is [Unwind]: it returns its first argument, and ends the program
// where that is zero. The other helpers are the product's.
//
// # Engines
//
// "vm" checks every access, so any program may run in it. "native" does not:
// a program with a bad address ends with a fault, or writes where it should
// not; the suite is trusted to be what it is. Neither runs the same program as
// the verifier's users would: shift amounts that the verifier refuses are
// masked, as RFC 9669 section 4.1 says.
//
// "kernel" cannot start a program in that state, so it runs another: an XDP
// program that loads the address of an array map's value and its length into
// r1 and r2, calls the suite's program as a subprogram and stores all 64 bits
// of r0 in a second map. What differs: the kernel's verifier judges the whole;
// r1 is 0 where there is no memory; one of the eight frames is the caller's;
// helper 5 is the kernel's own, bpf_ktime_get_ns.
//
// # Invariants
//
// A result is what the program left in r0. Every other end is an *[Error] that
// tells by its Kind whether input, engine, verifier or program is to blame.
//
//	p, err := conformance.ParseProgram("b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00")
//	r0, err := conformance.Run(ctx, "vm", p, nil) // 42
//
// Sources: the README of bpf_conformance for the plugin protocol and the
// section and function names of its objects; iovisor/ubpf's plugin for helper
// 5 (ubpf_set_unwind_function_index).
package conformance
