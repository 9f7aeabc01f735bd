// Package x86 gives amd64 machine instructions a meaning.
//
// [Decode] turns bytes into one [Inst]; [Machine.Step] says what it does to a
// [State], over any algebra of words: with sem.Concrete it is an emulator, with
// SMT terms the semantics that machine code is proved with. Each instruction
// is written once for both, and the concrete reading is compared bit for bit
// with the host CPU by the tests.
//
// The package must not know eBPF, nor the encoders of jit/<arch>/internal:
// decoding is by golang.org/x/arch, checked here. Where an encoding could be
// read in two ways, is redundant, or has prefixes that compilers do not emit,
// decoding refuses it with an [*UnsupportedError]; so it does with everything
// it has no meaning for.
//
// # Invariants
//
// A State's registers are 64-bit words. A flag is either known or undefined,
// and reading an undefined flag is an error: no result ever depends on one.
// Instructions that fault under a condition report it in [Flow.Fault].
//
//	in, err := x86.Decode([]byte{0x48, 0x01, 0xd8}, 0) // add rax, rbx
//	m := x86.Machine[uint64]{A: sem.Concrete{}, Known: x86.KnownWord}
//	flow, err := m.Step(&state, in)
//
// Sources: Intel 64 and IA-32 Architectures Software Developer's Manual,
// volume 2 (instruction reference) and volume 1 chapter 3 (registers, flags).
package x86
