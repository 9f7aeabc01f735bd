package jitproof_test

import (
	"fmt"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64"
	"github.com/bpfproof/bpfproof/jitproof"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/smt/z3"
)

// solver returns Z3 with a limit in steps; without cgo the proofs that need
// one are skipped.
func solver(t testing.TB) smt.Solver {
	s, err := z3.New(smt.Limits{Steps: 20_000_000})
	if err != nil {
		t.Skipf("needs libz3: %v", err)
	}
	return s
}

func backend() jit.Backend {
	return amd64.New(jit.Target{ArrayStride: abi.ArrayStride, ArrayArea: abi.ArrayArea})
}

func compile(t testing.TB, p *ir.Program) *jit.Code {
	code, err := jit.Compile(backend(), p)
	require.NoError(t, err)
	return code
}

func parse(t testing.TB, text string) *ir.Program {
	p, err := asm.Parse("test.s", text)
	require.NoError(t, err)
	return p
}

// explain says what is wrong with a proof.
func explain(p *ir.Program, c *jitproof.Certificate) string {
	s := fmt.Sprintf("%s: %v, %+v\n", c.Program, c.Status, c.Counts)
	for _, o := range c.Obligations {
		if o.Status == jitproof.Proved {
			continue
		}
		s += fmt.Sprintf("insn %d, offset %#x, %s: %v by %q: %s\n", o.PC, o.Off, o.Kind, o.Status, o.By, o.Reason)
		if o.PC >= 0 {
			s += "   " + asm.Insn(p, o.PC) + "\n"
		}
		if w := o.Witness; w != nil {
			s += fmt.Sprintf("   %s: bytecode %#x, machine %#x, path %#x, state %x\n", w.What, w.Bytecode, w.Machine, w.Path, w.State)
		}
	}
	return s
}

// programs returns the corpus' accepted programs.
func programs(t testing.TB) []*ir.Program {
	entries, err := corpus.Entries()
	require.NoError(t, err)
	var all []*ir.Program
	for _, e := range entries {
		text, err := corpus.FS.ReadFile(e.Path)
		require.NoError(t, err)
		if path.Ext(e.Path) == ".s" {
			p, err := asm.Parse(e.Path, string(text))
			require.NoError(t, err, e.Path)
			p.Name = e.Name()
			if e.Accept {
				all = append(all, p)
			}
			continue
		}
		if !e.Accept {
			continue
		}
		o, err := elf.ReadBytes(e.Path, text)
		require.NoError(t, err, e.Path)
		p := o.Program(e.Program)
		require.NotNil(t, p, e.Name())
		all = append(all, p)
	}
	return all
}

// TestCorpus proves every accepted program of the corpus.
func TestCorpus(t *testing.T) {
	v := jitproof.New(solver(t), jitproof.Options{})
	total, rewriter := 0, 0
	for _, p := range programs(t) {
		code := compile(t, p)
		c, err := v.Validate(t.Context(), p, code)
		require.NoError(t, err, p.Name)
		if c.Status != jitproof.Proved {
			t.Error(explain(p, c))
		}
		total, rewriter = total+c.Counts.Total, rewriter+c.Counts.Rewriter
	}
	t.Logf("%d obligations, %d by the rewrite rules alone", total, rewriter)
}
