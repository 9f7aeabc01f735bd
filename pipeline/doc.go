// Package pipeline joins the stages for applications: it verifies programs,
// compiles them, proves the machine code if asked to, and loads them, so that
// one call leads from an object to programs that can be attached.
//
// It decides nothing itself: verdicts are package verifier's, proofs package
// jitproof's, and package runtime runs nothing that they did not accept. It must
// not know what events there are.
//
// Invariants: with a prover nothing is loaded whose machine code was not proved,
// now or, by a certificate in the cache, before. Who can write to the cache can
// make a proof up: it belongs into a directory of the application's own, which
// nobody else may write to. A certificate is used for the very same bytecode and
// machine code only, by their hashes; a damaged one is made again.
//
//	obj, err := pipeline.LoadFile(ctx, "ratelimit.o", pipeline.Options{Prover: solver, Cache: dir})
//	link, err := obj.Program("rate_limit").Attach(device.XDP())
//	value, err := obj.Map("sources").Lookup(key)
//
// Sources: bpf(2) and the loader of cilium/ebpf for the shape.
package pipeline
