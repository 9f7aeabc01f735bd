// Package elf reads eBPF object files: the programs with their subprograms
// linked in, the maps they refer to with what they hold from the start, global
// variables as array maps, and source lines. It also drives clang for programs in
// C.
//
// What an object leaves to the kernel is resolved against the running one or
// against given types, configuration and addresses ([Options]): CO-RE
// relocations, variables of .kconfig, functions and variables of .ksyms. What
// does not exist is an error, unless it is weak: then it is zero, and its call is
// that of a helper that does not exist. Only the kernel itself is searched, not
// its modules.
//
// It is a thin layer over github.com/cilium/ebpf, which parses ELF and BTF and
// applies CO-RE relocations. What it adds: every size an object claims is
// checked against the file before anything is allocated, every instruction goes
// through the strict decoder of package wire, a symbol that nothing defines is
// an error instead of a zero, and an error is one line that names the file and
// the place in it.
//
// The package does not know whether a program is safe or how maps are created.
//
// # Invariants
//
// A program that [Load] or [Read] returns is well-formed (ir.Program.Check).
// Its Maps are those of the object's maps it refers to, by itself or through
// initial elements of such maps, in the object's order; two programs that refer to one map share its *ir.MapSpec.
//
//	obj, err := elf.Load("xdp_classifier.o")
//	for _, p := range obj.Programs { fmt.Println(p.Name, p.Type, len(p.Maps)) }
//
// Sources: the ELF specification; Documentation/bpf/btf.rst and llvm_reloc.rst
// of Linux 6.18; section names and the meaning of externs as libbpf 1.5 has them.
package elf
