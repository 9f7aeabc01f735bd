package amd64

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// call lowers calls of helpers and of the program's own functions.
func (c *compiler) call(pc ir.PC, in ir.Insn, row *ir.Row) error {
	if row.Pseudo == ir.CallLocal {
		target, _ := in.Target(pc)
		c.asm.Branch(callTo, c.funcLabel(c.p.FuncAt(target)))
		return nil
	}
	if row.Pseudo != ir.CallHelper {
		return &jit.UnsupportedError{PC: pc, Op: in.Op}
	}
	if abi.HelperID(in.Imm) == abi.TailCall {
		return &jit.UnsupportedError{PC: pc, Op: in.Op, Reason: "tail calls"}
	}
	if m, ok := c.facts[pc]; ok {
		c.arrayLookup(m)
		return nil
	}
	c.asm.Text = enc.MovRI32(c.asm.Text, enc.RAX, uint32(in.Imm))
	c.asm.Text = enc.CallM(c.asm.Text, enc.Mem{Base: env, Disp: jit.EnvHelper})
	return nil
}

// arrayLookup is map_lookup_elem for array map m, known to be in r1: the key
// that r2 points to selects an element, or there is none and r0 is 0.
func (c *compiler) arrayLookup(m int) {
	spec := c.p.Maps[m]
	t := enc.Load(c.asm.Text, enc.S32, scratch0, enc.Mem{Base: home(ir.R2)})
	t = enc.RR(t, enc.XOR, enc.S32, enc.RAX, enc.RAX)
	t = enc.RI(t, enc.CMP, enc.S32, scratch0, int32(spec.MaxEntries))
	c.asm.Text = t
	absent := c.skip(enc.AE)
	stride := c.target.ArrayStride(spec)
	if bits.OnesCount32(stride) == 1 {
		c.asm.Text = enc.ShiftI(c.asm.Text, enc.SHL, enc.S64, scratch0, uint8(bits.TrailingZeros32(stride)))
	} else {
		c.asm.Text = enc.ImulRI(c.asm.Text, enc.S64, scratch0, scratch0, int32(stride))
	}
	c.loadReloc(enc.RAX, jit.Reloc{Kind: jit.RelocMapValues, Map: m})
	c.asm.Text = enc.RR(c.asm.Text, enc.ADD, enc.S64, enc.RAX, scratch0)
	c.land(absent)
}
