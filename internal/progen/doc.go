// Package progen makes random programs that are well-formed, end, and are safe
// by construction, so that verifiers accept them and engines can be compared on
// them; and it makes a program that shows a difference small (see [Minimise]).
//
// It knows instructions and what helpers and contexts demand. It does not know
// any verifier, engine or solver: what they think of its programs is what its
// users measure.
//
// # What a program does
//
// It computes on numbers that come from its input and from constants, in
// registers, on the stack, in the input and in maps, with every operation, width
// and form that the options allow; it branches forward, loops a constant number
// of times, and calls functions and helpers whose results depend on their
// arguments only. In the end it folds all registers and its stack into r0. The
// 64 bits of r0 also go to the end of the checked part of the packet, or to the
// map "globals", since the kernel's test run returns 32 bits.
//
// # Invariants
//
// The same choices and options give the same program. Every register and stack
// byte is written before it is read; no address becomes part of a number; every
// access is in bounds, on every path; a run ends after at most MaxSteps
// instructions. ir.Program.Check passes.
//
//	p := progen.New(progen.Seed(17), progen.Options{Type: ir.XDP})
//	data := progen.Input(progen.Seed(18), progen.Options{Type: ir.XDP})
//
// Sources: the design of Csmith (Yang et al., PLDI 2011) for programs whose
// meaning is defined by construction; Zeller and Hildebrandt, "Simplifying and
// isolating failure-inducing input" (TSE 2002) for the minimiser.
package progen
