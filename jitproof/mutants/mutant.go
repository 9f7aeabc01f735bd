package mutants

import (
	"slices"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// Mutant is one bug.
type Mutant struct {
	Name string // stable, such as "missing-zero-extension"
	Bug  string // one sentence
	Text string // a program in which it shows, for package asm
	// Tier is the one that the bug is in.
	Tier jit.Tier
	// Table says that the bug is in the tables beside the code.
	Table bool

	edit  editor
	table func(p *ir.Program, c *jit.Code) int
}

// editor changes an instruction's bytes in place, keeping its length, and
// reports whether it did.
type editor func(in x86asm.Inst, b []byte) bool

// Apply returns a copy of code with the bug at every place where it fits, and
// the number of places.
func (m Mutant) Apply(p *ir.Program, code *jit.Code) (*jit.Code, int) {
	c := *code
	c.Text = slices.Clone(code.Text)
	c.PCMap, c.Hints, c.Relocs = slices.Clone(code.PCMap), slices.Clone(code.Hints), slices.Clone(code.Relocs)
	c.Funcs = slices.Clone(code.Funcs)
	if m.table != nil {
		return &c, m.table(p, &c)
	}
	n := 0
	for off := 0; off < len(c.Text); {
		in, err := x86asm.Decode(c.Text[off:], 64)
		if err != nil {
			break
		}
		if m.edit(in, c.Text[off:off+in.Len]) {
			n++
		}
		off += in.Len
	}
	return &c, n
}

// Wrap returns the backend with the bug.
func (m Mutant) Wrap(b jit.Backend) jit.Backend { return wrong{b, m} }

// wrong is a backend with a bug.
type wrong struct {
	jit.Backend
	m Mutant
}

// Compile compiles p and puts the bug in.
func (w wrong) Compile(p *ir.Program) (*jit.Code, error) {
	code, err := w.Backend.Compile(p)
	if err != nil {
		return nil, err
	}
	code, _ = w.m.Apply(p, code)
	return code, nil
}

// All returns the mutants.
func All() []Mutant { return slices.Concat(all, optimised) }

// Find returns the mutant of that name; ok is false if there is none.
func Find(name string) (m Mutant, ok bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return m, false
}
