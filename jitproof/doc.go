// Package jitproof proves that machine code does what its bytecode means: per
// program, from the bytes, without trusting the compiler.
//
// The proof is a simulation with cut points, which the code names
// (jit.Code.Cuts): every instruction, or few of them, such as the heads of
// blocks. At a cut the machine state is related to the eBPF state: each eBPF
// register is in the machine register that the frame names, unless a hint says
// that it is dead, the stack pointer and saved registers are where they belong,
// hinted facts hold. From every cut the validator starts from an arbitrary
// related pair of states, executes the instructions up to the next cuts by
// package sem and the bytes by package jitproof/x86, along every path, and
// proves that both take the same way, make the same memory accesses and calls
// in the same order, and are related again. One load may stand for several
// narrower ones of the same bytes. Functions' prologues establish the relation,
// exits undo it. Loops need no unrolling: a jump backward leads to a cut.
//
// Hints, frames and the PC map are untrusted: each claim in them is an
// obligation wherever control can come from.
//
// The package must not know the encoders, nor any compiler: it imports no
// jit/<arch>. The contract between image and runtime is in package jit.
//
// Images of a live Linux are proved likewise against the bytecode that its JIT
// was given ([Validator.ValidateKernel]): the convention is another one (where
// registers live, what prologues, calls and tail calls look like), and the places
// that correspond are found by walking over both, so that every instruction but
// those behind the guards of divisions is a cut. [Validator.ValidateRewriting]
// compares the program that was loaded with that bytecode, instruction by
// instruction, by the same meanings on both sides and by named rules.
//
// # Invariants
//
// An obligation is proved only by an equality of hash-consed terms or by a
// solver's answer that the opposite is unsatisfiable; everything else, such as
// undecodable bytes, an instruction without meaning, a spent limit, leaves it
// unknown. A refutation carries a state that has been replayed: both sides
// evaluated with sem.Concrete, and found to differ.
//
//	v := jitproof.New(solver, jitproof.Options{})
//	cert, err := v.Validate(ctx, program, code)
//	cert.Status // Proved, Refuted or Unknown
//
// Sources: Pnueli, Siegel, Singerman, "Translation validation" (TACAS 1998);
// Necula, "Translation validation for an optimizing compiler" (PLDI 2000);
// Nelson et al., "Jitterbug" (OSDI 2020) for what an eBPF JIT must keep;
// arch/x86/net/bpf_jit_comp.c of Linux 6.12 for the kernel's convention.
package jitproof
