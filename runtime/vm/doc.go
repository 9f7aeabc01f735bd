// Package vm is the fast interpreter: it runs programs that nobody verified,
// and checks every access.
//
// A program is decoded once into a compact form; a run allocates nothing. Each
// load and store is checked against the regions the program may touch: its
// stack frames, its context, its packet and the values of its maps. A program
// that leaves them, runs out of fuel or nests too deep ends with a [*Fault]
// that names the instruction. What the interpreter has no meaning for is
// refused by [Load], never met at run.
//
// It knows instructions, memory and helpers. It does not know the verifier,
// and for speed it does not call ir/sem: it is a second implementation of that
// meaning and owes it a test, which vm_sem_test.go (every row, corner and
// random operands, all aliases) and package vm/reference (random programs)
// hold.
//
// Invariants: no access outside a region whatever the program does; registers
// and stack are zero at entry, so a run depends on its input, maps and
// environment only.
//
//	p, err := vm.Load(prog, maps, vm.Options{})
//	res, err := p.Run(ctx, runtime.Input{Data: packet})
//
// Sources: RFC 9669; kernel/bpf/core.c (___bpf_prog_run) of Linux 6.18 for
// call frames.
package vm
