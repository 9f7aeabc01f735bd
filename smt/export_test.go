package smt

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// NoteWrongStep pretends that a rule has rewritten p + q to p.
func (b *Builder) NoteWrongStep() {
	p, q := b.Var("p", ir.W64), b.Var("q", ir.W64)
	b.note(step{kind: stepBin, bin: sem.Add, w: ir.W64, x: p, y: q}, p)
}
