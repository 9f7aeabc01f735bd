package jit

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
)

// UnsupportedError says which instruction a backend has no lowering for.
type UnsupportedError struct {
	PC     ir.PC
	Op     ir.Op
	Reason string // may be empty
}

func (e *UnsupportedError) Error() string {
	msg := fmt.Sprintf("jit: compile insn %d: %v is not supported", e.PC, e.Op)
	if e.Reason != "" {
		msg += ": " + e.Reason
	}
	return msg
}

// Compile checks that p is well-formed, finds its functions where it lists
// none (p itself is not changed), and compiles it. The error wraps an
// *ir.FormError or an *UnsupportedError.
func Compile(b Backend, p *ir.Program) (*Code, error) {
	if len(p.Funcs) == 0 {
		q := *p
		q.FindFuncs()
		p = &q
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("jit: compile %q: %w", p.Name, err)
	}
	c, err := b.Compile(p)
	if err != nil {
		return nil, fmt.Errorf("jit: compile %q: %w", p.Name, err)
	}
	if err := c.Check(p); err != nil {
		return nil, err
	}
	return c, nil
}

// Check reports whether the tables of c agree with its text and with p: one
// place in the text for every instruction, functions and relocations inside
// it. It says nothing of what the code does.
func (c *Code) Check(p *ir.Program) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("jit: check code of %q: %s", p.Name, fmt.Sprintf(format, args...))
	}
	size := int32(len(c.Text))
	if len(c.PCMap) != len(p.Insns) {
		return bad("PC map has %d entries for %d slots", len(c.PCMap), len(p.Insns))
	}
	if c.Cuts != nil && len(c.Cuts) != len(p.Insns) {
		return bad("cuts have %d entries for %d slots", len(c.Cuts), len(p.Insns))
	}
	if n := max(len(p.Funcs), 1); len(c.Funcs) < n || len(p.Funcs) > 0 && len(c.Funcs) != n {
		return bad("%d functions for %d of the program", len(c.Funcs), n)
	}
	for pc, off := range c.PCMap {
		if pad := p.Insns[pc].Op == ir.OpPad; pad != (off == NoCode) || !pad && (off < 0 || off >= size) {
			return bad("insn %d: offset %d is outside the text of %d bytes", pc, off, size)
		}
	}
	for i, f := range c.Funcs {
		if f.Entry < 0 || f.Entry >= f.End || f.End > size {
			return bad("function %d: [%d, %d) is outside the text of %d bytes", i, f.Entry, f.End, size)
		}
	}
	for _, r := range c.Relocs {
		if r.Off < 0 || r.Off > size-8 {
			return bad("relocation at %d is outside the text of %d bytes", r.Off, size)
		}
		if r.Kind == RelocFunc {
			if r.Func < 0 || r.Func >= len(c.Funcs) {
				return bad("relocation at %d: function %d does not exist: the code has %d", r.Off, r.Func, len(c.Funcs))
			}
			continue
		}
		if r.Map < 0 || r.Map >= len(p.Maps) {
			return bad("relocation at %d: map %d does not exist: the program has %d", r.Off, r.Map, len(p.Maps))
		}
	}
	return nil
}
