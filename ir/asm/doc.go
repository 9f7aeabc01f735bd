// Package asm turns program text into instructions and back.
//
// The text is the kernel's and LLVM's: what the verifier's log and
// llvm-objdump print, [Parse] reads. The classic mnemonics of the public
// bpf_conformance suite ("mov %r0, 1", "ldxdw %r2, [%r10-8]") are read too,
// line by line, and never printed.
//
// It knows the form of a program, not its sense: Parse gives whatever is
// written, jumps out of the program included; Program.Check and the verifier
// judge it.
//
// # Invariants
//
// [Print] then Parse gives the program back: instructions, maps, functions,
// name, section, type and license. Lines are then those of the printed text,
// and MapSpec.BTF is not written.
//
// # The text
//
// One instruction a line; ";", "//" and "#" start a comment. A label is
// "name:", alone or before an instruction. A jump goes to a label or to a
// distance: "goto out", "goto pc+2", "goto +2".
//
//	.name   count
//	.type   xdp                                       ; as bpftool names it
//	.license GPL
//	.map    hits array key 4 value 8 entries 16       ; and flags N, extra N, frozen, opaque, field KIND OFF SIZE, inner (name type ...)
//	.elem   hits 00000000 0100000000000000            ; key and value in hex; or "map NAME", "program NAME" as the value
//
//		*(u32 *)(r10 - 4) = 0
//		r1 = map[hits]                            ; the map
//		r3 = map[hits] + 8                        ; address of byte 8 of its values
//		r2 = r10
//		r2 += -4
//		call map_lookup_elem
//		if r0 == 0 goto out
//		r2 = 1
//		lock *(u64 *)(r0 + 0) += r2
//		call twice
//	out:
//		r0 = 2
//		exit
//	.func twice                                       ; a function and a label; a global one: .func NAME global and its arguments, each number, ctx, mem SIZE, mem SIZE null or other NAME, and void if it gives nothing
//		w0 = w1
//		w0 <<= 1
//		exit
//
// Lines of a listing are read as they are: "3: (b7) r0 = 1" from the verifier's
// log, "3: b7 00 00 00 01 00 00 00 r0 = 0x1" from llvm-objdump; the slot must be
// right.
//
// Registers w0 ... w10 mean 32-bit operations. Immediates are decimal or 0x;
// one that a 64-bit operation would sign-extend to something else than what is
// written is refused.
//
// Sources: RFC 9669; kernel/bpf/disasm.c of Linux 6.18 and LLVM 19's BPF
// assembler for the notation; bpf_conformance's tests for its mnemonics.
package asm
