// Package translated reads the bytecode that Linux hands to its JIT: the
// program after the kernel's verifier has rewritten it, as bpf(2) shows it.
//
// It is bytecode with a few forms that no program may use: an eleventh
// register (AX), calls of kernel functions by their distance from
// __bpf_call_base, calls of the program's own functions by number, moves that
// add the processor's offset, and barriers against speculation. [Decode]
// returns instructions of package ir, whose registers may be [AX], and lists
// by PC what has one of these forms.
//
// The package must not know machine code. It gives no meaning: that is with
// who proves.
//
// # Invariants
//
// Decode is total: every slice of bytes gives a program or an *[Error] with the
// slot. What it does not know it refuses by name.
//
//	p, err := translated.Decode(slots)
//	p.Forms[pc] // translated.PerCPU, ...
//
// Sources: bpf_insn_prepare_dump (kernel/bpf/syscall.c), jit_subprogs and
// do_misc_fixups (kernel/bpf/verifier.c), include/linux/filter.h of Linux 6.12
// and 6.18.
package translated
