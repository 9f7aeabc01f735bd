package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/kernel"
	bpfmaps "github.com/bpfproof/bpfproof/runtime/maps"
)

// Engine runs a program on inputs, one after the other on the same fresh maps.
// It is used by the differential tests, which also compare engines that are
// wrong on purpose.
type Engine struct {
	Name string
	// RetMask says which bits of r0 the engine returns.
	RetMask uint64
	Run     func(p *ir.Program, inputs []runtime.Input) (*Outcome, error)
}

// ErrSkip is wrapped by an engine's error where it does not take a program:
// that is no difference.
var ErrSkip = errors.New("not taken by this engine")

// Ours returns an engine that loads programs by a loader of ours. What its
// programs may do is the caller's affair: nothing is verified.
func Ours(loader runtime.Loader) Engine {
	return Engine{Name: loader.Name, RetMask: ^uint64(0), Run: func(p *ir.Program, inputs []runtime.Input) (*Outcome, error) {
		ms, err := runtime.CreateMaps(p)
		if err != nil {
			return nil, err
		}
		defer func() {
			for _, m := range ms {
				m.Close()
			}
		}()
		engine, err := loader.Load(context.Background(), p, ms)
		if err != nil {
			return nil, err
		}
		defer engine.Close()
		return collect(engine, inputs, func() (map[string][]ir.MapElem, error) { return ourElems(ms), nil })
	}}
}

// Kernel returns the live kernel as an engine. A program that its verifier
// does not accept, and an input that its test run does not take, is an error
// that wraps ErrSkip and a *kernel.LoadError or *kernel.LimitError.
func Kernel() Engine {
	return Engine{Name: "kernel", RetMask: 1<<32 - 1, Run: func(p *ir.Program, inputs []runtime.Input) (*Outcome, error) {
		prog, err := kernel.Load(p, kernel.Options{})
		var refused *kernel.LoadError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("%w: %w", ErrSkip, err)
		}
		if err != nil {
			return nil, err
		}
		defer prog.Close()
		out, err := collect(prog, inputs, func() (map[string][]ir.MapElem, error) {
			elems := map[string][]ir.MapElem{}
			for _, m := range prog.Maps() {
				list, err := m.Elems()
				if err != nil {
					return nil, err
				}
				elems[m.Spec().Name] = inOrder(list)
			}
			return elems, nil
		})
		var limit *kernel.LimitError
		if errors.As(err, &limit) {
			return nil, fmt.Errorf("%w: %w", ErrSkip, err)
		}
		return out, err
	}}
}

func collect(engine runtime.Engine, inputs []runtime.Input, elems func() (map[string][]ir.MapElem, error)) (*Outcome, error) {
	out := &Outcome{Engine: engine.Name()}
	for i, in := range inputs {
		res, err := engine.Run(context.Background(), in)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		res.NsPerRun = 0
		out.Results = append(out.Results, res)
	}
	var err error
	out.Elems, err = elems()
	return out, err
}

func ourElems(ms []bpfmaps.Map) map[string][]ir.MapElem {
	elems := map[string][]ir.MapElem{}
	for _, m := range ms {
		var list []ir.MapElem
		for k, v := range bpfmaps.All(m) {
			list = append(list, ir.MapElem{Key: k, Value: v})
		}
		elems[m.Spec().Name] = inOrder(list)
	}
	return elems
}

// Difference says how two outcomes of a program differ, in one line; "" if they
// do not. mask says which bits of r0 both engines return.
func Difference(a, b *Outcome, mask uint64) string {
	for i := range a.Results {
		x, y := &a.Results[i], &b.Results[i]
		switch {
		case x.Ret&mask != y.Ret&mask:
			return fmt.Sprintf("input %d: r0 is %#x in %s, %#x in %s", i, x.Ret&mask, a.Engine, y.Ret&mask, b.Engine)
		case !bytes.Equal(x.Data, y.Data):
			return fmt.Sprintf("input %d: data is %x in %s, %x in %s", i, x.Data, a.Engine, y.Data, b.Engine)
		}
	}
	for i := range a.Results {
		// An engine need not tell a context that no input gave.
		if x, y := &a.Results[i], &b.Results[i]; x.Ctx != nil && y.Ctx != nil && !bytes.Equal(x.Ctx, y.Ctx) {
			return fmt.Sprintf("input %d: context is %x in %s, %x in %s", i, x.Ctx, a.Engine, y.Ctx, b.Engine)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Elems)) {
		list := a.Elems[name]
		other := b.Elems[name]
		if len(list) != len(other) {
			return fmt.Sprintf("map %s has %d elements in %s, %d in %s", name, len(list), a.Engine, len(other), b.Engine)
		}
		for i, e := range list {
			if o := other[i]; !bytes.Equal(e.Key, o.Key) || !bytes.Equal(e.Value, o.Value) {
				return fmt.Sprintf("map %s has %x: %x in %s, %x: %x in %s", name, e.Key, e.Value, a.Engine, o.Key, o.Value, b.Engine)
			}
		}
	}
	return ""
}
