package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// division is one instruction's division: dst = dst / divisor, or the rest.
type division struct {
	dst    enc.Reg
	s      enc.Size
	signed bool
	rest   bool
}

// divide lowers the divisions and rests. The machine divides rdx:rax (r3 and
// r0) and traps on a zero divisor and on the one signed overflow, so both get
// code of their own: x / 0 = 0, x % 0 = x, x / -1 = -x, x % -1 = 0 (RFC 9669,
// section 4.1).
func (c *compiler) divide(in ir.Insn, row *ir.Row) {
	d := division{dst: home(in.Dst), s: size(row.Width), signed: row.ALU == ir.SDiv || row.ALU == ir.SMod,
		rest: row.ALU == ir.Mod || row.ALU == ir.SMod}
	if row.Src == ir.K {
		c.divideK(d, in.Imm)
		return
	}
	c.asm.Text = enc.MovRR(c.asm.Text, enc.S64, scratch0, home(in.Src))
	c.asm.Text = enc.TestRR(c.asm.Text, d.s, scratch0, scratch0)
	nonzero := c.skip(enc.NE)
	c.byZero(d)
	end := c.skipAlways()
	c.land(nonzero)
	if d.signed {
		c.asm.Text = enc.RI(c.asm.Text, enc.CMP, d.s, scratch0, -1)
		ordinary := c.skip(enc.NE)
		c.byMinusOne(d)
		end2 := c.skipAlways()
		c.land(ordinary)
		c.machineDivide(d)
		c.land(end2)
	} else {
		c.machineDivide(d)
	}
	c.land(end)
}

// divideK divides by an immediate, so that the special cases are known now.
func (c *compiler) divideK(d division, imm int64) {
	bit, power := isPowerOf2(imm)
	switch {
	case imm == 0:
		c.byZero(d)
	case d.signed && imm == -1:
		c.byMinusOne(d)
	case !d.signed && power && d.rest:
		c.asm.Text = enc.RI(c.asm.Text, enc.AND, d.s, d.dst, int32(imm-1))
	case !d.signed && power && bit > 0:
		c.asm.Text = enc.ShiftI(c.asm.Text, enc.SHR, d.s, d.dst, uint8(bit))
	case power && bit == 0 && !d.rest:
		c.asm.Text = enc.MovRR(c.asm.Text, d.s, d.dst, d.dst)
	default:
		c.asm.Text = movConst(c.asm.Text, scratch0, uint64(imm))
		c.machineDivide(d)
	}
}

func (c *compiler) byZero(d division) {
	if d.rest {
		c.asm.Text = enc.MovRR(c.asm.Text, d.s, d.dst, d.dst)
	} else {
		c.asm.Text = enc.RR(c.asm.Text, enc.XOR, enc.S32, d.dst, d.dst)
	}
}

func (c *compiler) byMinusOne(d division) {
	if d.rest {
		c.asm.Text = enc.RR(c.asm.Text, enc.XOR, enc.S32, d.dst, d.dst)
	} else {
		c.asm.Text = enc.R(c.asm.Text, enc.NEG, d.s, d.dst)
	}
}

// machineDivide divides dst by scratch0, keeping rax and rdx but for dst.
func (c *compiler) machineDivide(d division) {
	t := c.asm.Text
	if d.dst != enc.RAX {
		t = enc.MovRR(t, enc.S64, scratch1, enc.RAX)
		t = enc.MovRR(t, enc.S64, enc.RAX, d.dst)
	}
	if d.dst != enc.RDX {
		t = enc.MovRR(t, enc.S64, scratch2, enc.RDX)
	}
	if d.signed {
		t = enc.SignAcc(t, d.s)
		t = enc.R(t, enc.IDIV, d.s, scratch0)
	} else {
		t = enc.RR(t, enc.XOR, enc.S32, enc.RDX, enc.RDX)
		t = enc.R(t, enc.DIV, d.s, scratch0)
	}
	result := enc.RAX
	if d.rest {
		result = enc.RDX
	}
	if d.dst != result {
		t = enc.MovRR(t, d.s, d.dst, result)
	}
	if d.dst != enc.RAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, scratch1)
	}
	if d.dst != enc.RDX {
		t = enc.MovRR(t, enc.S64, enc.RDX, scratch2)
	}
	c.asm.Text = t
}
