package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/native"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/solvers"
)

// proofFlags say whether machine code is proved before it runs.
type proofFlags struct {
	on    bool
	cache string
	say   io.Writer // gets a line for every proof
}

func (f *proofFlags) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.on, "prove", false, "run machine code only if it is proved to do what the bytecode means")
	cmd.Flags().StringVar(&f.cache, "cache", "", "directory of certificates: code that has one there is not proved again")
}

// check finds engines that have nothing to prove.
func (f *proofFlags) check(engines []string) error {
	if !f.on && f.cache != "" {
		return errors.New("--cache goes with --prove")
	}
	for _, name := range engines {
		if f.on && name != "native" && name != "opt" {
			return fmt.Errorf("--prove goes with the engines native and opt, not %s", name)
		}
	}
	return nil
}

// loader returns native code of a tier as an engine.
func (f *proofFlags) loader(o jit.Options, n native.Options) (runtime.Loader, error) {
	if !f.on {
		return nativeLoader(o, n)
	}
	solver, err := solvers.New(solvers.Default(), smt.Limits{})
	if err != nil {
		return runtime.Loader{}, err
	}
	return pipeline.Native(pipeline.Options{JIT: o, Native: n, Prover: solver, Cache: f.cache, Proved: func(p pipeline.Proof) {
		c, how := p.Certificate, "proved"
		if p.Cached {
			how = "proved before"
		}
		fmt.Fprintf(f.say, "bpfproof: %s: %s: %d obligations on %d bytes\n", c.Program, how, c.Counts.Total, c.Bytes)
	}})
}
