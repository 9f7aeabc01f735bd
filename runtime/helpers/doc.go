// Package helpers holds the helper functions that programs call, and the
// environment they work in.
//
// A [Func] is plain Go over an [Env]: it reaches the program's memory only
// through Env.Memory, the program's maps only by their handles, the packet
// only through Env.Packet. So one implementation serves the interpreter, which
// checks every address, and native code, which was proved before. Package
// helpers knows neither engine, and prototypes are not here but in ir/abi.
//
// Invariants: a helper writes no memory but what its prototype names; what the
// kernel reports as a negative errno is returned as one; a Go error means that
// the program broke the prototype and the run must end. Clock and random
// numbers come from the environment, so runs can be repeated exactly; what the
// kernel knows and a process does not, such as tasks and devices, is simulated there. What a run
// reserves or locks is its own until it gives it back, at its end at the latest.
//
//	f, ok := helpers.Lookup(abi.MapLookupElem)
//	r0, err := f(env, [5]uint64{handle, keyAddr})
//
// Sources: include/uapi/linux/bpf.h and bpf-helpers(7); kernel/bpf/helpers.c,
// kernel/trace/bpf_trace.c and net/core/filter.c of Linux 6.18 for results.
package helpers
