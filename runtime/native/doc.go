// Package native runs compiled programs (jit.Code) on the machine itself,
// without cgo: it keeps executable memory, gives each run a machine stack of
// its own, enters the code and leaves it for helper calls, and turns faults of
// the code into errors.
//
// It knows the contract between image and runtime (jit/contract.go) and the
// host's calling convention. It does not know eBPF's semantics nor how the
// code was made, and it checks nothing that the code does: who loads a program
// answers for it being verified, and its translation proved.
//
// Helpers are Go functions but for a few, which are machine code too and need no
// way to the Go stack: see quick.go. They lie in executable memory as images do.
//
// Invariants: memory is never writable and executable at once; a run's stack
// lies between inaccessible pages; a goroutine inside an image is never moved,
// scanned or preempted, and it polls every pollInterval backward jumps, which
// is where the garbage collector and a cancelled context get their turn; a
// fault with the instruction pointer inside an image, or inside a helper that is
// machine code, ends that run with a *FaultError and leaves no lock behind, every
// other fault is left to Go's own handler.
//
//	p, err := native.Load(code, prog, maps, native.Options{})
//	if err != nil {
//		return err
//	}
//	defer p.Close()
//	run, err := p.NewRun()
//	...
//	ret, err := run.Call(ctxAddr, 0)
//
// Sources: mmap(2), sigaction(2); Go's runtime (preempt.go, traceback.go,
// signal_unix.go of Go 1.26) for what a foreign stack must look like;
// cmd/compile/abi-internal.md of Go 1.26 for how helpers are called.
package native
