package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// Fuel bounds a run in "vm" and "native" (runtime.Input.Fuel): no program of
// the suite comes near it.
const Fuel = 1 << 24

// runner runs a program that Prepare returned on the memory and returns r0. It
// changes neither.
type runner func(ctx context.Context, p *ir.Program, memory []byte) (uint64, error)

// engines lists the engines in the order they are named to users.
var engines = []struct {
	name string
	run  runner
}{{"vm", runVM}, {"native", runUnverifiedNative}, {"kernel", runKernel}}

// Engines returns the engines' names.
func Engines() []string {
	var names []string
	for _, e := range engines {
		names = append(names, e.name)
	}
	return names
}

// Run runs p, as Prepare returns it, on a copy of the memory in the engine of
// that name and returns r0. The error is an *Error, or says that there is no
// such engine.
func Run(ctx context.Context, engine string, p *ir.Program, memory []byte) (uint64, error) {
	for _, e := range engines {
		if e.name == engine {
			return e.run(ctx, p, memory)
		}
	}
	return 0, fmt.Errorf("conformance: unknown engine %q: want %s", engine, strings.Join(Engines(), ", "))
}

// Unwind is the number of the suite's own helper. It stands for bpf_ktime_get_ns
// everywhere else.
const Unwind abi.HelperID = 5

// errUnwound ends a run whose program called the unwind helper with zero.
var errUnwound = errors.New("the program unwound")

// helper returns the helpers of the suite's programs.
func helper(id abi.HelperID) (helpers.Func, bool) {
	if id == Unwind {
		return unwind, true
	}
	return helpers.Lookup(id)
}

// unwind returns its first argument. Zero ends the program with that result, as
// in uBPF, whose test helper it is.
func unwind(_ *helpers.Env, args [5]uint64) (uint64, error) {
	if args[0] == 0 {
		return 0, errUnwound
	}
	return args[0], nil
}

func runVM(ctx context.Context, p *ir.Program, memory []byte) (uint64, error) {
	return withMaps(p, func(ms []maps.Map) (uint64, error) {
		e, err := vm.Load(p, ms, vm.Options{Helper: helper})
		if err != nil {
			return 0, unloaded(err)
		}
		return finish(ctx, e, memory)
	})
}

// runUnverifiedNative runs machine code that nobody verified, and so goes past
// runtime.Load, which would refuse it.
func runUnverifiedNative(ctx context.Context, p *ir.Program, memory []byte) (uint64, error) {
	return withMaps(p, func(ms []maps.Map) (uint64, error) {
		backend := amd64.New(jit.Target{ArrayStride: func(m *ir.MapSpec) uint32 {
			if m.Type != ir.Array {
				return 0
			}
			return abi.ArrayStride(m)
		}})
		code, err := jit.Compile(backend, p)
		if err != nil {
			return 0, unloaded(err)
		}
		e, err := native.Load(code, p, ms, native.Options{Helper: helper})
		if err != nil {
			return 0, unloaded(err)
		}
		return finish(ctx, e, memory)
	})
}

// withMaps creates the program's maps for the time of a run. The suite's
// programs have none; objects may.
func withMaps(p *ir.Program, run func([]maps.Map) (uint64, error)) (uint64, error) {
	ms, err := runtime.CreateMaps(p)
	if err != nil {
		return 0, &Error{Kind: Unsupported, Err: err}
	}
	r0, err := run(ms)
	for _, m := range ms {
		err = errors.Join(err, m.Close())
	}
	return r0, err
}

// finish runs the program once and closes the engine.
func finish(ctx context.Context, e runtime.Engine, memory []byte) (uint64, error) {
	res, err := e.Run(ctx, runtime.Input{Data: memory, Fuel: Fuel})
	if closed := e.Close(); closed != nil && err == nil {
		err = closed
	}
	if errors.Is(err, errUnwound) {
		return 0, nil
	}
	if err != nil {
		return 0, &Error{Kind: Failed, Err: err}
	}
	return res.Ret, nil
}

// unloaded says why an engine did not take a program.
func unloaded(err error) error {
	var form *ir.FormError
	if errors.As(err, &form) {
		return &Error{Kind: Malformed, Err: err}
	}
	return &Error{Kind: Unsupported, Err: err}
}
