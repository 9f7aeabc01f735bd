// Package runtime is the bpf()-like interface: it loads programs, owns their
// maps, runs them on inputs and attaches them to hooks.
//
// Engines execute programs; the interpreter, native code and the live kernel
// are engines, and what they share is here: [Input], [Result], and the [Frame]
// that holds one run's context and packet outside the Go heap. Package runtime
// knows no engine by name and no verifier. It is told both: a [Loader] makes
// the engine, and a [Check] decides whether the program may run.
//
// Invariants: nothing is executed that the check did not accept. Without a
// check loading is refused, save for a loader that checks every access at run,
// and then only if the caller asks for it by setting Options.Unverified. Maps
// outlive the programs that use them, and, where Options.Pin names a file, the
// process. Two runs with the same input, clock and
// maps give the same result.
//
//	obj, err := runtime.Load(ctx, programs, runtime.Options{Loader: vm.Loader(vm.Options{}), Check: check})
//	defer obj.Close()
//	res, err := obj.Program("classify").Run(ctx, runtime.Input{Data: packet})
//	value, err := obj.Map("proto_packets").Lookup(key)
//
// The standard library's package of the same name is imported as goruntime
// where both meet.
//
// Sources: bpf(2); net/bpf/test_run.c of Linux 6.18 for what a test run sees.
package runtime
