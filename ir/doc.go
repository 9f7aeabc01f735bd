// Package ir is the vocabulary every other package speaks: instructions, the
// table of operations, programs and maps.
//
// It knows what an instruction is and what a well-formed program is. It does
// not know what an instruction does (package sem), how it is written as bytes
// (package wire) or as text (package asm), and above all not whether a program
// is safe (package verifier).
//
// # Numbering
//
// A [PC] is a slot index, as in the kernel's log and in llvm-objdump: a 64-bit
// immediate load is one [Insn] that takes two slots. Program.Insns is indexed by PC; the
// second slot of such a load holds the padding instruction [Pad]. So one
// number means the same place in a report, in the kernel's log, in line
// information and in a JIT's PC map. Walk a program with [Program.All], which
// passes over the padding.
//
// # The table of operations
//
// [Rows] lists every operation of RFC 9669 and those that Linux 6.18 adds.
// Decoder, encoder, assembler, printer, semantics and the enumeration tests all
// read that one table; nothing else in the tree knows an opcode byte.
//
//	op := ir.OpALU(ir.Add, ir.W64, ir.X)
//	in := ir.Insn{Op: op, Dst: ir.R1, Src: ir.R2}
//
// Sources: RFC 9669; include/uapi/linux/bpf.h and kernel/bpf/verifier.c of
// Linux 6.18 for may_goto, addr_space_cast, load_acquire and store_release.
package ir
