package main

import (
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jit/opt"
	"github.com/bpfproof/bpfproof/runtime/native"
)

// tierFlags choose a tier and its passes.
type tierFlags struct {
	tier   string
	passes []string
	harden hardenFlags
}

// hardenFlags say whether the program's constants are blinded.
type hardenFlags struct {
	on   bool
	seed uint64
}

func (f *hardenFlags) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.on, "harden", false, "blind the program's constants")
	cmd.Flags().Uint64Var(&f.seed, "harden-seed", 0, "of the numbers that constants are blinded with (0: random)")
}

// options returns what the flags say of a tier.
func (f *hardenFlags) options(t jit.Tier) jit.Options {
	o := jit.Options{Tier: t, Harden: f.on, Seed: f.seed}
	if f.on && f.seed == 0 {
		o.Seed = rand.Uint64()
	}
	return o
}

const perfMapUsage = "write /tmp/perf-PID.map, by which perf(1) names the programs' code"

// perfMap opens the file of that name if it is asked for, and returns what
// closes it.
func perfMap(on bool, o *native.Options) (func() error, error) {
	if !on {
		return func() error { return nil }, nil
	}
	w, err := native.OpenPerfMap()
	if err != nil {
		return nil, err
	}
	o.PerfMap = w
	return w.Close, nil
}

func (f *tierFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tier, "tier", jit.Baseline.String(), "tier of the compiler: baseline or opt")
	f.harden.flags(cmd)
	cmd.Flags().StringSliceVar(&f.passes, "passes", nil, "passes of tier opt: -NAME leaves one out, NAME leaves out all that are not named")
}

// options returns what the flags say. The sink gets what each pass does.
func (f *tierFlags) options(d *dump.Sink) (jit.Options, error) {
	tier, ok := jit.ParseTier(f.tier)
	if !ok {
		return jit.Options{}, fmt.Errorf("--tier %s: want baseline or opt", f.tier)
	}
	o := f.harden.options(tier)
	var err error
	o.Off, err = passesOff(f.passes)
	o.Dump = d
	return o, err
}

// passesOff turns a list of passes into those that are left out.
func passesOff(list []string) (off []string, err error) {
	var only []string
	for _, name := range list {
		bare := strings.TrimPrefix(name, "-")
		if !slices.ContainsFunc(opt.Passes(), func(p opt.Info) bool { return string(p.Name) == bare }) {
			return nil, fmt.Errorf("--passes %s: there is no such pass: want %s", name, strings.Join(passNames(), ", "))
		}
		if bare == name {
			only = append(only, name)
		} else {
			off = append(off, bare)
		}
	}
	if len(only) > 0 {
		for _, name := range passNames() {
			if !slices.Contains(only, name) {
				off = append(off, name)
			}
		}
	}
	return off, nil
}

func passNames() (names []string) {
	for _, p := range opt.Passes() {
		names = append(names, string(p.Name))
	}
	return names
}

// backend returns the backend for this machine in the tier that the flags name.
func (f *tierFlags) backend(d *dump.Sink) (jit.Backend, error) {
	o, err := f.options(d)
	if err != nil {
		return nil, err
	}
	return tierBackend(o)
}

func tierBackend(o jit.Options) (jit.Backend, error) {
	if goruntime.GOARCH != amd64.Arch {
		return nil, fmt.Errorf("no JIT for %s: bpfproof compiles for %s", goruntime.GOARCH, amd64.Arch)
	}
	return amd64.NewTier(amd64.Host(), o)
}

// first returns the first error: an answer's exit status must not be wrapped.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
