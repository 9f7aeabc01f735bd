package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// loaded is one program in one engine, and its maps as the application sees
// them.
type loaded struct {
	runtime.Engine
	elems func() (map[string][]ir.MapElem, error) // by map name, in order of keys
	close func() error

	object *runtime.Object // nil: the live kernel's
}

// Close closes engine and maps.
func (l *loaded) Close() error { return l.close() }

// rejectedError is a program that did not run because its verdict is not
// accept.
type rejectedError struct {
	status status
	err    error
}

func (e *rejectedError) Error() string { return e.err.Error() }

// engineNames splits a comma-separated list of engines.
func engineNames(list string) ([]string, error) {
	names := strings.Split(list, ",")
	for _, n := range names {
		if _, ours := loaders[n]; !ours && n != "kernel" {
			return nil, fmt.Errorf("--engine %s: unknown engine %q: want vm, native, opt or kernel", list, n)
		}
	}
	return names, nil
}

// engineOptions are what engines of ours can be told.
type engineOptions struct {
	seed    uint64        // of the interpreter's random numbers; 0: the usual one
	harden  hardenFlags   // of native code
	perfMap io.Writer     // gets the names of native code; nil: nobody
	clock   helpers.Clock // nil: the machine's
	prove   proofFlags
}

// loader returns the engine of that name.
func (o *engineOptions) loader(engine string) (runtime.Loader, error) {
	switch engine {
	case "vm":
		return vm.Loader(vm.Options{Seed: o.seed, Clock: o.clock}), nil
	case "native":
		return o.prove.loader(o.harden.options(jit.Baseline), native.Options{PerfMap: o.perfMap, Clock: o.clock})
	}
	return o.prove.loader(o.harden.options(jit.Optimising), native.Options{PerfMap: o.perfMap, Clock: o.clock})
}

// open loads p into the engine of that name. A program that is not accepted is
// a *rejectedError.
func open(ctx context.Context, engine string, p *ir.Program, opts runtime.Options, eo engineOptions) (*loaded, error) {
	if engine == "kernel" {
		return openKernel(p)
	}
	loader, err := eo.loader(engine)
	if err != nil {
		return nil, err
	}
	opts.Loader = loader
	obj, err := runtime.Load(ctx, []*ir.Program{p}, opts)
	if err != nil {
		return nil, asRejected(err)
	}
	elems := func() (map[string][]ir.MapElem, error) {
		all := map[string][]ir.MapElem{}
		for _, m := range obj.Maps() {
			var list []ir.MapElem
			for k, v := range maps.All(m) {
				list = append(list, ir.MapElem{Key: k, Value: v})
			}
			all[m.Spec().Name] = sorted(list)
		}
		return all, nil
	}
	return &loaded{obj.Programs()[0].Engine(), elems, obj.Close, obj}, nil
}

// asRejected tells a verdict from an error.
func asRejected(err error) error {
	var unproved *pipeline.UnprovedError
	if errors.As(err, &unproved) {
		s := unknown
		if unproved.Certificate.Status == jitproof.Refuted {
			s = no
		}
		return &rejectedError{s, unproved}
	}
	var verdict *pipeline.RejectedError
	if errors.As(err, &verdict) {
		return &rejectedError{verdictStatus(verdict.Report.Verdict.String()), verdict}
	}
	return err
}

func openKernel(p *ir.Program) (*loaded, error) {
	if err := kernel.Available(); err != nil {
		return nil, &rejectedError{unknown, err}
	}
	prog, err := kernel.Load(p, kernel.Options{})
	var refused *kernel.LoadError
	if errors.As(err, &refused) && refused.Report.Verdict == kernel.Reject {
		return nil, &rejectedError{no, err}
	}
	if err != nil {
		return nil, &rejectedError{unknown, err}
	}
	elems := func() (map[string][]ir.MapElem, error) {
		all := map[string][]ir.MapElem{}
		for _, m := range prog.Maps() {
			list, err := m.Elems()
			if err != nil {
				return nil, err
			}
			all[m.Spec().Name] = sorted(list)
		}
		return all, nil
	}
	return &loaded{prog, elems, prog.Close, nil}, nil
}

func sorted(list []ir.MapElem) []ir.MapElem {
	sort.Slice(list, func(i, j int) bool { return string(list[i].Key) < string(list[j].Key) })
	return list
}
