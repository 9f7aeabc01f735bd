package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
	"github.com/bpfproof/bpfproof/jit/opt"
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
	src := home(in.Src)
	c.asm.Text = enc.TestRR(c.asm.Text, d.s, src, src)
	nonzero := c.skip(enc.NE)
	c.byZero(d)
	end := c.skipAlways()
	c.land(nonzero)
	if d.signed {
		c.asm.Text = enc.RI(c.asm.Text, enc.CMP, d.s, src, -1)
		ordinary := c.skip(enc.NE)
		c.byMinusOne(d)
		end2 := c.skipAlways()
		c.land(ordinary)
		c.machineDivide(d, src, 0)
		c.land(end2)
	} else {
		c.machineDivide(d, src, 0)
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
	case !d.signed && power && d.rest && c.blinded(imm-1):
		c.asm.Text = enc.RR(c.asm.Text, enc.AND, d.s, d.dst, scratch0)
	case !d.signed && power && d.rest:
		c.asm.Text = enc.RI(c.asm.Text, enc.AND, d.s, d.dst, int32(imm-1))
	case !d.signed && power && bit > 0:
		c.asm.Text = enc.ShiftI(c.asm.Text, enc.SHR, d.s, d.dst, uint8(bit))
	case power && bit == 0 && !d.rest:
		c.asm.Text = enc.MovRR(c.asm.Text, d.s, d.dst, d.dst)
	case d.signed || !c.multiplies || !c.multiply(d, uint64(imm)):
		c.machineDivide(d, noReg, imm)
	}
}

// multiply divides by a constant by multiplication: dst >> s, times m, >> k, where
// there are such numbers.
func (c *compiler) multiply(d division, by uint64) bool {
	if d.s == enc.S32 {
		return c.multiply32(d, by&0xffffffff)
	}
	s, m, k, ok := opt.WideMultiplier(by)
	if !ok {
		return false
	}
	keepRAX, keepRDX := d.dst != enc.RAX && c.live.Has(ir.R0), d.dst != enc.RDX && c.live.Has(ir.R3)
	n := d.dst // what is divided
	t := c.asm.Text
	if n == enc.RAX && d.rest || keepRAX {
		t = enc.MovRR(t, enc.S64, scratch0, enc.RAX)
	}
	if n == enc.RDX && d.rest || keepRDX {
		t = enc.MovRR(t, enc.S64, scratch1, enc.RDX)
	}
	if n != enc.RAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, n)
	}
	if s > 0 {
		t = enc.ShiftI(t, enc.SHR, enc.S64, enc.RAX, s)
	}
	c.asm.Text = t
	c.constant(enc.RDX, m)
	t = enc.R(c.asm.Text, enc.MUL, enc.S64, enc.RDX)
	c.asm.Text = enc.ShiftI(t, enc.SHR, enc.S64, enc.RDX, k)
	if d.rest {
		c.rest(d, n, by)
	}
	t = c.asm.Text
	if d.dst != enc.RDX {
		t = enc.MovRR(t, enc.S64, d.dst, enc.RDX)
	}
	if keepRAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, scratch0)
	}
	if keepRDX {
		t = enc.MovRR(t, enc.S64, enc.RDX, scratch1)
	}
	c.asm.Text = t
	return true
}

// rest puts n less the quotient in rdx, times by, into rdx. What was in rax or rdx
// is where multiply has put it.
func (c *compiler) rest(d division, n enc.Reg, by uint64) {
	c.constant(enc.RAX, by)
	t := enc.ImulRR(c.asm.Text, enc.S64, enc.RAX, enc.RDX)
	switch n {
	case enc.RAX:
		n = scratch0
	case enc.RDX:
		n = scratch1
	}
	t = enc.MovRR(t, enc.S64, enc.RDX, n)
	c.asm.Text = enc.RR(t, enc.SUB, enc.S64, enc.RDX, enc.RAX)
}

// multiply32 is multiply for 32 bits: the product is in one word.
func (c *compiler) multiply32(d division, by uint64) bool {
	m, k, ok := opt.Multiplier(uint32(by))
	if !ok {
		return false
	}
	c.asm.Text = enc.MovRR(c.asm.Text, enc.S32, scratch1, d.dst)
	c.constant(scratch0, m)
	t := enc.ImulRR(c.asm.Text, enc.S64, scratch1, scratch0)
	t = enc.ShiftI(t, enc.SHR, enc.S64, scratch1, uint8(k))
	if !d.rest {
		c.asm.Text = enc.MovRR(t, enc.S32, d.dst, scratch1)
		return true
	}
	c.asm.Text = t
	c.constant(scratch0, by)
	t = enc.ImulRR(c.asm.Text, enc.S32, scratch1, scratch0)
	c.asm.Text = enc.RR(t, enc.SUB, enc.S32, d.dst, scratch1)
	return true
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

// noReg says that the divisor is an immediate.
const noReg = enc.RSP

// machineDivide divides dst by src, or by imm if there is no src, keeping rax
// and rdx where they are live, but for dst. It copies rax and rdx to scratch registers where they
// are to be kept or hold the divisor. An immediate divisor takes the place of
// dst once that is in rax, or of the scratch register that is free then.
func (c *compiler) machineDivide(d division, src enc.Reg, imm int64) {
	t := c.asm.Text
	keepRAX, keepRDX := d.dst != enc.RAX && c.live.Has(ir.R0), d.dst != enc.RDX && c.live.Has(ir.R3)
	if keepRAX || src == enc.RAX {
		t = enc.MovRR(t, enc.S64, scratch0, enc.RAX)
	}
	if keepRDX || src == enc.RDX {
		t = enc.MovRR(t, enc.S64, scratch1, enc.RDX)
	}
	if d.dst != enc.RAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, d.dst)
	}
	switch src {
	case enc.RAX:
		src = scratch0
	case enc.RDX:
		src = scratch1
	case noReg:
		switch src = d.dst; src {
		case enc.RAX:
			src = scratch0
		case enc.RDX:
			src = scratch1
		}
		c.asm.Text = t
		c.constant(src, uint64(imm))
		t = c.asm.Text
	}
	if d.signed {
		t = enc.SignAcc(t, d.s)
		t = enc.R(t, enc.IDIV, d.s, src)
	} else {
		t = enc.RR(t, enc.XOR, enc.S32, enc.RDX, enc.RDX)
		t = enc.R(t, enc.DIV, d.s, src)
	}
	result := enc.RAX
	if d.rest {
		result = enc.RDX
	}
	if d.dst != result {
		t = enc.MovRR(t, d.s, d.dst, result)
	}
	if keepRAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, scratch0)
	}
	if keepRDX {
		t = enc.MovRR(t, enc.S64, enc.RDX, scratch1)
	}
	c.asm.Text = t
}
