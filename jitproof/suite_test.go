package jitproof_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/conformance"
	"github.com/bpfproof/bpfproof/internal/filetest"
	"github.com/bpfproof/bpfproof/internal/long"
	"github.com/bpfproof/bpfproof/internal/vectors"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jitproof"
)

// tally counts proofs by status.
type tally struct {
	t                  *testing.T
	v                  *jitproof.Validator
	b                  jit.Backend
	programs, refused  int
	obligations, plain int
}

func newTally(t *testing.T) *tally {
	return &tally{t: t, v: jitproof.New(solver(t), jitproof.Options{}), b: optimiser(t, true)}
}

// prove compiles and proves a program; one that the backend has no lowering for
// is counted.
func (a *tally) prove(p *ir.Program) {
	code, err := jit.Compile(a.b, p)
	var unsupported *jit.UnsupportedError
	if errors.As(err, &unsupported) {
		a.refused++
		return
	}
	require.NoError(a.t, err, p.Name)
	c, err := a.v.Validate(a.t.Context(), p, code)
	require.NoError(a.t, err, p.Name)
	if c.Status != jitproof.Proved {
		a.t.Error(explain(p, c))
	}
	a.programs++
	a.obligations, a.plain = a.obligations+c.Counts.Total, a.plain+c.Counts.Rewriter
}

func (a *tally) log() {
	a.t.Logf("%d programs proved, %d not compiled; %d obligations, %d by the rewrite rules alone", a.programs, a.refused, a.obligations, a.plain)
}

// TestConformanceOptimised proves the conformance suite's programs as the
// optimising tier compiles them.
func TestConformanceOptimised(t *testing.T) {
	a := newTally(t)
	for _, f := range filetest.ConformanceFiles(t, "*.data") {
		var p *ir.Program
		var err error
		if f.Raw != nil {
			p, err = conformance.Decode(f.Raw)
		} else if p, err = asm.Parse(f.Name, f.Asm); err == nil {
			p, err = conformance.Prepare(p)
		}
		require.NoError(t, err, f.Name)
		p.Name = f.Name
		a.prove(p)
	}
	a.log()
	require.Equal(t, 1, a.refused, "a call of a register")
}

// TestVectorsOptimised proves vectors that the kernel accepts: every eighth, or
// all.
func TestVectorsOptimised(t *testing.T) {
	path := vectors.Path("..")
	if _, err := os.Stat(path); err != nil {
		t.Skip(vectors.Missing)
	}
	all, err := vectors.Read(path)
	require.NoError(t, err)
	a := newTally(t)
	for i := range all {
		if all[i].Expect != "accept" || i%long.N(8, 1) != 0 {
			continue
		}
		p, err := all[i].Program()
		if err != nil {
			a.refused++
			continue
		}
		p.Name = all[i].ID
		a.prove(p)
	}
	a.log()
}
