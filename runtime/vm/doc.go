// Package vm is the fast interpreter: it runs programs that nobody verified,
// and checks every access.
//
// A program is decoded once into a compact form; a run allocates nothing, but
// for bpf_for_each_map_elem, which reads keys ahead. Each load and store is
// checked against the memory the program may touch: its stack frames, its
// context, its packet, the values of its maps, the ring buffer records it reserved
// and the key a callback was given.
// A program that leaves them, runs out of fuel or nests too deep ends with a
// [*Fault] that names the instruction. What the interpreter has no meaning for
// is refused by [Load], never met at run.
//
// The main loop, loop.go, is written by package gen from a table: one case for
// each operation, width and kind of operand, and for sequences of two to five
// instructions that compilers write often (BenchmarkVM and `bpfproof bench vm`
// show what that is worth). An access is checked by one comparison with the
// window, the piece of memory where the last one was; a miss moves the window.
// Fuel is paid in advance for the instructions up to the next transfer of
// control, and a run that has not enough left goes on step by step, so it is
// exact. Tail calls, callbacks, may_goto and packet loads leave the loop.
//
// It knows instructions, memory and helpers. It does not know the verifier,
// and for speed it does not call ir/sem: it is a second implementation of that
// meaning and owes it a test, which vm_sem_test.go (every row, corner and
// random operands, all aliases), fuse_test.go (every sequence) and package
// vm/reference (random programs) hold.
//
// Invariants: no access outside the program's memory whatever it does;
// registers and stack read as zero at entry, so a run depends on its input,
// maps and environment only.
//
//	p, err := vm.Load(prog, maps, vm.Options{})
//	res, err := p.Run(ctx, runtime.Input{Data: packet})
//
// Sources: RFC 9669; kernel/bpf/core.c (___bpf_prog_run) of Linux 6.18 for
// call frames and tail calls, net/core/filter.c (bpf_gen_ld_abs) for packet
// loads, kernel/bpf/bpf_iter.c and helpers.c for callbacks.
package vm
