package main

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// tierFlags choose a tier and its passes.
type tierFlags struct {
	tier   string
	passes []string
}

func (f *tierFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tier, "tier", jit.Baseline.String(), "tier of the compiler: baseline or opt")
	cmd.Flags().StringSliceVar(&f.passes, "passes", nil, "passes of tier opt: -NAME leaves one out, NAME leaves out all that are not named")
}

// options returns what the flags say. The sink gets what each pass does.
func (f *tierFlags) options(d *dump.Sink) (jit.Options, error) {
	tier, ok := jit.ParseTier(f.tier)
	if !ok {
		return jit.Options{}, fmt.Errorf("--tier %s: want baseline or opt", f.tier)
	}
	off, err := passesOff(f.passes)
	return jit.Options{Tier: tier, Off: off, Dump: d}, err
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
