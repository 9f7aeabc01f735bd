package amd64

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// plainOps are the operations that amd64 has as they are.
var plainOps = [...]enc.ALU{ir.Add: enc.ADD, ir.Sub: enc.SUB, ir.Or: enc.OR, ir.And: enc.AND, ir.Xor: enc.XOR}

var shiftOps = [...]enc.Shift{ir.Lsh: enc.SHL, ir.Rsh: enc.SHR, ir.Arsh: enc.SAR}

// alu lowers KindALU. A 32-bit machine operation zeroes the upper half of its
// destination, as eBPF's do.
func (c *compiler) alu(in ir.Insn, row *ir.Row) {
	dst, src, s := home(in.Dst), home(in.Src), size(row.Width)
	imm := int32(in.Imm)
	switch row.ALU {
	case ir.Add, ir.Sub, ir.Or, ir.And, ir.Xor:
		if row.Src == ir.K && c.blinded(in.Imm) {
			src = scratch0
		}
		if row.Src == ir.K && c.blind == nil {
			c.asm.Text = enc.RI(c.asm.Text, plainOps[row.ALU], s, dst, imm)
		} else {
			c.asm.Text = enc.RR(c.asm.Text, plainOps[row.ALU], s, dst, src)
		}
	case ir.Mul:
		if row.Src == ir.K && c.blinded(in.Imm) {
			src = scratch0
		}
		if row.Src == ir.K && c.blind == nil {
			c.asm.Text = enc.ImulRI(c.asm.Text, s, dst, dst, imm)
		} else {
			c.asm.Text = enc.ImulRR(c.asm.Text, s, dst, src)
		}
	case ir.Mov:
		c.mov(in, row)
	case ir.MovSX8, ir.MovSX16, ir.MovSX32:
		c.asm.Text = enc.Movsx(c.asm.Text, size(row.ALU.MovSX()), s, dst, src)
	case ir.Neg:
		c.asm.Text = enc.R(c.asm.Text, enc.NEG, s, dst)
	case ir.Lsh, ir.Rsh, ir.Arsh:
		c.shift(in, row)
	default:
		c.divide(in, row)
	}
}

func (c *compiler) mov(in ir.Insn, row *ir.Row) {
	switch {
	case row.Src == ir.X:
		c.asm.Text = enc.MovRR(c.asm.Text, size(row.Width), home(in.Dst), home(in.Src))
	case row.Width == ir.W32:
		c.constant(home(in.Dst), uint64(uint32(in.Imm)))
	default:
		c.constant(home(in.Dst), uint64(in.Imm))
	}
}

// movConst appends the shortest move of x into dst that changes no flags.
func movConst(t []byte, dst enc.Reg, x uint64) []byte {
	switch {
	case x == uint64(uint32(x)):
		return enc.MovRI32(t, dst, uint32(x))
	case int64(x) == int64(int32(x)):
		return enc.MovRS32(t, dst, int32(x))
	}
	return enc.MovRI64(t, dst, x)
}

// shift lowers the shifts. The machine masks an amount in cl by the operand
// size as eBPF does, and a 32-bit shift zeroes the upper half of its register
// whatever the amount (SDM volume 1, section 3.4.1.1). An amount in another
// register goes through rcx, which is r4 and so is saved around it, unless the
// machine has shifts that take any.
func (c *compiler) shift(in ir.Insn, row *ir.Row) {
	dst, src, s, op := home(in.Dst), home(in.Src), size(row.Width), shiftOps[row.ALU]
	t := c.asm.Text
	switch n := uint8(in.Imm) & uint8(row.Width-1); {
	case row.Src == ir.K && n == 0:
		t = enc.MovRR(t, s, dst, dst)
	case row.Src == ir.K:
		t = enc.ShiftI(t, op, s, dst, n)
	case src == enc.RCX:
		t = enc.ShiftCL(t, op, s, dst)
	case c.target.BMI2:
		t = enc.ShiftX(t, op, s, dst, dst, src)
	case dst == enc.RCX:
		t = enc.MovRR(t, enc.S64, scratch0, enc.RCX)
		t = enc.MovRR(t, enc.S32, enc.RCX, src)
		t = enc.ShiftCL(t, op, s, scratch0)
		t = enc.MovRR(t, s, enc.RCX, scratch0)
	default:
		t = enc.MovRR(t, enc.S64, scratch0, enc.RCX)
		t = enc.MovRR(t, enc.S32, enc.RCX, src)
		t = enc.ShiftCL(t, op, s, dst)
		t = enc.MovRR(t, enc.S64, enc.RCX, scratch0)
	}
	c.asm.Text = t
}

// swap lowers the byte order conversions on a little-endian machine.
func (c *compiler) swap(in ir.Insn, row *ir.Row) {
	dst, t := home(in.Dst), c.asm.Text
	switch {
	case row.Width == ir.W16:
		if row.Swap != ir.ToLE {
			t = enc.ShiftI(t, enc.ROL, enc.S16, dst, 8)
		}
		t = enc.Movzx(t, enc.S16, dst, dst)
	case row.Swap == ir.ToLE:
		t = enc.MovRR(t, size(row.Width), dst, dst)
	default:
		t = enc.Bswap(t, size(row.Width), dst)
	}
	c.asm.Text = t
}

// isPowerOf2 reports whether a positive immediate has one bit set, and which.
func isPowerOf2(imm int64) (bit int, ok bool) {
	return bits.TrailingZeros64(uint64(imm)), imm > 0 && imm&(imm-1) == 0
}
