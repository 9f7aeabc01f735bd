// Package enc writes amd64 instructions as bytes: one small function per form,
// each appending to a slice. It knows the encoding rules (REX, ModRM, SIB,
// immediates) and nothing of eBPF; it never chooses an instruction.
//
//	b = enc.RR(b, enc.ADD, enc.S64, enc.RDI, enc.RSI) // add rdi, rsi
//
// Operands must be valid for the form that the function's comment names;
// nothing is checked here. The tests decode every form with every register by
// golang.org/x/arch and compare the text.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual,
// volume 2.
package enc
