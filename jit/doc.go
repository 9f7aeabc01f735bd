// Package jit is the part of compilation that no machine is named in: the
// shape of compiled code, the contract between an image and its runtime, and
// what a backend must provide.
//
// The interface has the shape of its proof. A backend compiles function by
// function: prologue, one instruction after the other, epilogue; beside the
// bytes it reports where each instruction's code starts (PCMap), which bytes
// stand for addresses that only the runtime knows (Relocs), and hints. Hints
// are untrusted: package jitproof shows that they hold or refuses the code.
// It never sees an encoder: those are in jit/<arch>/internal.
//
// Package jit does not know how code is run (runtime/native) nor what it is
// proved against (ir/sem).
package jit
