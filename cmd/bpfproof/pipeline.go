package main

import (
	"context"
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// backend returns the baseline backend for this machine.
func backend() (jit.Backend, error) {
	return tierBackend(jit.Options{})
}

// notAcceptedError is a verdict other than accept where one is needed.
type notAcceptedError struct{ report *verifier.Report }

func (e *notAcceptedError) Error() string {
	if len(e.report.Findings) == 0 {
		return e.report.Verdict.String()
	}
	f := e.report.Findings[0]
	return fmt.Sprintf("%v: insn %d: %s: %s", e.report.Verdict, f.PC, f.Code, f.Msg)
}

// check returns the verifier as the runtime wants to be told: nil or why not.
func check(v *verifier.Verifier) runtime.Check {
	return func(ctx context.Context, p *ir.Program) error {
		r, err := v.Verify(ctx, p, nil)
		switch {
		case err != nil:
			return err
		case r.Verdict != verifier.Accept:
			return &notAcceptedError{r}
		case r.Kernel != "":
			return fmt.Errorf("accepted, but only a kernel runs it: it reads %s", r.Kernel)
		}
		return nil
	}
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
