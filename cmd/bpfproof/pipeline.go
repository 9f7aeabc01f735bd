package main

import (
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// backend returns the baseline backend for this machine.
func backend() (jit.Backend, error) {
	return tierBackend(jit.Options{})
}

// loaders lists the engines of our own by name.
var loaders = map[string]func() (runtime.Loader, error){
	"vm":     func() (runtime.Loader, error) { return vm.Loader(vm.Options{}), nil },
	"native": func() (runtime.Loader, error) { return nativeLoader(jit.Options{}, native.Options{}) },
	"opt": func() (runtime.Loader, error) {
		return nativeLoader(jit.Options{Tier: jit.Optimising}, native.Options{})
	},
}

// nativeLoader returns native code of a tier as an engine.
func nativeLoader(o jit.Options, n native.Options) (runtime.Loader, error) {
	b, err := tierBackend(o)
	if err != nil {
		return runtime.Loader{}, err
	}
	return native.Loader(b, n), nil
}
