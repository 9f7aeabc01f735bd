// Package opt is the part of the optimising tier that no machine is named in:
// it cuts a function into segments of straight code, finds out which registers
// are live and which have no upper half at each cut, and turns a segment into
// values that named passes make better.
//
// It knows bytecode and nothing of registers or encodings of machines, nor of
// proofs; but each pass says what the proof of its results rests on, and none is
// here whose obligation the validator does not discharge (package jitproof).
//
// A backend gives each cut's state to the proof, as Segment.In and Segment.Upper
// have it.
//
//	plan := opt.New(program, graph, start, end, opt.Config{Alone: alone})
//	for i := range plan.Segments { seg := plan.Values(&plan.Segments[i], nil) ... }
//
// # Invariants
//
// Operands of a value come before it. What the world can see, accesses to memory,
// stays in the bytecode's order, one value each; only a load may take the place
// of narrower ones that are next to each other in memory and in the code. A value
// that is computed where it is used (Value.In) has no access between.
// Switching passes off changes code, not its meaning.
//
// Sources: Muchnick, "Advanced Compiler Design and Implementation" (1997);
// Warren, "Hacker's Delight" (2012); Granlund, Montgomery, "Division by invariant
// integers using multiplication" (PLDI 1994).
package opt
