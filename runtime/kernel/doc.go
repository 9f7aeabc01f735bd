// Package kernel is the live kernel as an engine and as an oracle: it loads a
// program through bpf(2) and reports the kernel's verdict, its log and its
// statistics, runs the program on given input, reads its maps, and hands out the
// machine code and the rewritten instructions that the kernel made of it.
//
// The instructions reach the kernel byte for byte as package ir/wire encodes
// them; only map indices become file descriptors. Maps are created and accessed
// through github.com/cilium/ebpf.
//
// # Invariants
//
// A verdict is Accept if and only if the kernel returned a descriptor. Where
// the kernel did not judge the program (no permission, no memory, no support)
// the verdict is Unknown, never Reject. Close gives back every descriptor. What
// the kernel cannot do is a typed error, never a made-up result. A log is
// understood to its last character or says how many lines are not: [ParseLog].
//
// The package must not know the project's own verifier: the two are compared
// by others.
//
//	p, err := kernel.Load(prog, kernel.Options{})
//	res, err := p.Run(ctx, runtime.Input{Data: packet})
//
// Sources: include/uapi/linux/bpf.h, kernel/bpf/syscall.c, kernel/bpf/log.c and
// net/bpf/test_run.c of Linux 6.18.
package kernel
