package jitproof

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// digest collects numbers and strings, each with its length, so that different
// contents give different inputs.
type digest struct{ b []byte }

func (d *digest) num(xs ...int64) {
	for _, x := range xs {
		d.b = binary.LittleEndian.AppendUint64(d.b, uint64(x))
	}
}

func (d *digest) bytes(x []byte) {
	d.num(int64(len(x)))
	d.b = append(d.b, x...)
}

func (d *digest) sum() string {
	h := sha256.Sum256(d.b)
	return hex.EncodeToString(h[:])
}

// HashProgram returns the hash of what a proof depends on: instructions,
// functions, and the shape of maps.
func HashProgram(p *ir.Program) string {
	p = withFuncs(p)
	d := &digest{}
	d.num(int64(len(p.Insns)))
	for _, in := range p.Insns {
		d.num(int64(in.Op), int64(in.Dst), int64(in.Src), int64(in.Off), in.Imm)
		d.bytes([]byte(in.Op.String())) // the table's numbering may change
	}
	d.num(int64(len(p.Funcs)))
	for _, f := range p.Funcs {
		d.num(int64(f.PC))
	}
	d.num(int64(len(p.Maps)))
	for _, m := range p.Maps {
		d.num(int64(m.Type), int64(m.KeySize), int64(m.ValueSize), int64(m.MaxEntries), int64(m.Flags))
	}
	return d.sum()
}

// HashCode returns the hash of everything in c: text, tables, hints and
// relocations.
func HashCode(c *jit.Code) string {
	d := &digest{}
	d.bytes([]byte(c.Arch))
	d.bytes(c.Text)
	d.num(int64(len(c.PCMap)))
	for _, x := range c.PCMap {
		d.num(int64(x))
	}
	d.num(int64(len(c.Funcs)))
	for _, f := range c.Funcs {
		d.num(int64(f.PC), int64(f.Entry), int64(f.End), int64(f.Frame.Size), int64(f.Frame.Stack), int64(f.Frame.Count))
		d.bytes(f.Frame.Regs[:])
		d.bytes(f.Frame.Saved)
	}
	d.num(int64(len(c.Hints)))
	for _, h := range c.Hints {
		d.num(int64(h.PC), int64(h.Reg), int64(h.Map), int64(h.Kind))
	}
	d.num(int64(len(c.Cuts)))
	for _, cut := range c.Cuts {
		x := int64(0)
		if cut {
			x = 1
		}
		d.num(x)
	}
	d.num(int64(len(c.Uncounted)))
	for _, pc := range c.Uncounted {
		d.num(int64(pc))
	}
	d.num(int64(len(c.Relocs)))
	for _, r := range c.Relocs {
		d.num(int64(r.Off), int64(r.Kind), int64(r.Map), int64(r.Func), int64(r.Addend))
	}
	return d.sum()
}

// withFuncs returns p, or a copy that lists its functions where p does not.
func withFuncs(p *ir.Program) *ir.Program {
	if len(p.Funcs) > 0 {
		return p
	}
	q := *p
	q.FindFuncs()
	return &q
}
