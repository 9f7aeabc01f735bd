// Package e2e runs programs through the whole pipeline in tests: the verifier,
// the backend, the validator, and every engine side by side. Its tests hold the
// corpus, test files and captured traffic to one answer in all of them.
//
// It joins the stages and compares; it must not decide anything itself, and
// nothing imports it.
//
// Invariants: a program runs only if the verifier accepted it; an engine that
// is not there (no permission for bpf()) is skipped with one line, never
// counted as equal.
//
//	got := e2e.RunAll(t, p, []runtime.Input{{Data: packet}})
package e2e

import (
	"context"
	"errors"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
	"github.com/bpfproof/bpfproof/verifier"
)

// Domain is the domain that decides whether a program runs.
const Domain = "tnum+interval"

// Outcome is what an engine makes of a list of inputs.
type Outcome struct {
	Engine  string
	Results []runtime.Result
	Elems   map[string][]ir.MapElem // by map name, in order of keys
}

// Backend returns the backend under test.
func Backend() jit.Backend { return amd64.New(amd64.Host()) }

// Verify returns the verdict on p in a domain.
func Verify(t testing.TB, p *ir.Program, domain string) *verifier.Report {
	t.Helper()
	v, err := verifier.New(verifier.Policy{Domain: domain})
	require.NoError(t, err)
	r, err := v.Verify(context.Background(), p, nil)
	require.NoError(t, err)
	return r
}

// Prove compiles p and validates the code.
func Prove(t testing.TB, p *ir.Program) *jitproof.Certificate {
	t.Helper()
	code, err := jit.Compile(Backend(), p)
	require.NoError(t, err)
	solver, err := solvers.New("", smt.Limits{Steps: 20_000_000})
	require.NoError(t, err)
	cert, err := jitproof.New(solver, jitproof.Options{}).Validate(context.Background(), p, code)
	require.NoError(t, err)
	return cert
}

// RunAll runs p on the inputs, one after the other on the same maps, in every
// engine that is there. The kernel is left out, with a line in the test's log,
// where bpf() is not permitted.
func RunAll(t testing.TB, p *ir.Program, inputs []runtime.Input) []Outcome {
	t.Helper()
	check := func(ctx context.Context, p *ir.Program) error {
		require.Equal(t, verifier.Accept, Verify(t, p, Domain).Verdict)
		return nil
	}
	return runIn(t, p, inputs, check, func(string) bool { return true })
}

// runIn is RunAll for the engines that runs names. Those of ours that it leaves
// out have to refuse the program at load, by a typed error.
func runIn(t testing.TB, p *ir.Program, inputs []runtime.Input, check runtime.Check, runs func(engine string) bool) []Outcome {
	t.Helper()
	var outcomes []Outcome
	for _, loader := range []runtime.Loader{vm.Loader(vm.Options{}), native.Loader(Backend(), native.Options{})} {
		if runs(loader.Name) {
			outcomes = append(outcomes, runOurs(t, p, loader, check, inputs))
			continue
		}
		requireRefusal(t, p, loader, check)
	}
	if !runs("kernel") {
		return outcomes
	}
	if err := kernel.Available(); err != nil {
		t.Logf("the live kernel is left out: %v", err)
		return outcomes
	}
	return append(outcomes, runKernel(t, p, inputs))
}

func requireRefusal(t testing.TB, p *ir.Program, loader runtime.Loader, check runtime.Check) {
	t.Helper()
	_, err := runtime.Load(context.Background(), []*ir.Program{p}, runtime.Options{Loader: loader, Check: check})
	var inVM *vm.UnsupportedError
	var inJIT *jit.UnsupportedError
	var missing *helpers.MissingError
	require.True(t, errors.As(err, &inVM) || errors.As(err, &inJIT) || errors.As(err, &missing), "%s: %v", loader.Name, err)
}

func runOurs(t testing.TB, p *ir.Program, loader runtime.Loader, check runtime.Check, inputs []runtime.Input) Outcome {
	t.Helper()
	obj, err := runtime.Load(context.Background(), []*ir.Program{p}, runtime.Options{Loader: loader, Check: check})
	require.NoError(t, err, loader.Name)
	defer obj.Close()
	out := Outcome{Engine: loader.Name, Elems: map[string][]ir.MapElem{}}
	for i, in := range inputs {
		res, err := obj.Programs()[0].Run(context.Background(), in)
		require.NoError(t, err, "%s, input %d", loader.Name, i)
		out.Results = append(out.Results, res)
	}
	for _, m := range obj.Maps() {
		var list []ir.MapElem
		for k, v := range maps.All(m) {
			list = append(list, ir.MapElem{Key: k, Value: v})
		}
		out.Elems[m.Spec().Name] = inOrder(list)
	}
	return out
}

func runKernel(t testing.TB, p *ir.Program, inputs []runtime.Input) Outcome {
	t.Helper()
	prog, err := kernel.Load(p, kernel.Options{})
	require.NoError(t, err)
	defer prog.Close()
	out := Outcome{Engine: "kernel", Elems: map[string][]ir.MapElem{}}
	for i, in := range inputs {
		res, err := prog.Run(context.Background(), in)
		require.NoError(t, err, "kernel, input %d", i)
		out.Results = append(out.Results, res)
	}
	for _, m := range prog.Maps() {
		list, err := m.Elems()
		require.NoError(t, err)
		out.Elems[m.Spec().Name] = inOrder(list)
	}
	return out
}

func inOrder(list []ir.MapElem) []ir.MapElem {
	sort.Slice(list, func(i, j int) bool { return string(list[i].Key) < string(list[j].Key) })
	return list
}

// RequireEqual fails the test unless all outcomes agree on return values (the
// kernel tells 32 bits), packet bytes and map contents.
func RequireEqual(t testing.TB, outcomes []Outcome) {
	t.Helper()
	first := outcomes[0]
	for _, o := range outcomes[1:] {
		for i := range first.Results {
			a, b := first.Results[i], o.Results[i]
			if o.Engine == "kernel" {
				a.Ret = uint64(uint32(a.Ret))
			}
			require.Equal(t, a.Ret, b.Ret, "r0 of input %d in %s and %s", i, first.Engine, o.Engine)
			require.Equal(t, a.Data, b.Data, "packet of input %d in %s and %s", i, first.Engine, o.Engine)
		}
		require.Equal(t, first.Elems, o.Elems, "maps in %s and %s", first.Engine, o.Engine)
	}
}
