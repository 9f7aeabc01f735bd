package amd64

import (
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// blinder makes the numbers that constants are blinded with; nil: they are not.
type blinder struct{ state uint64 }

// next returns 32 bits of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
func (b *blinder) next() int32 {
	b.state += 0x9e3779b97f4a7c15
	z := b.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int32(z ^ z>>31)
}

// blinded appends the move of an immediate into the scratch register, if constants
// are blinded.
func (c *compiler) blinded(imm int64) bool {
	if c.blind != nil {
		c.constant(scratch0, uint64(imm))
	}
	return c.blind != nil
}

// constant appends the move of x into dst. Blinded, it changes the flags.
func (c *compiler) constant(dst enc.Reg, x uint64) {
	if c.blind == nil {
		c.asm.Text = movConst(c.asm.Text, dst, x)
		return
	}
	t, k := c.asm.Text, c.blind.next()
	switch {
	case x == uint64(uint32(x)):
		t = enc.MovRI32(t, dst, uint32(x)^uint32(k))
		t = enc.RI(t, enc.XOR, enc.S32, dst, k)
	case int64(x) == int64(int32(x)):
		t = enc.MovRS32(t, dst, int32(x)^k)
		t = enc.RI(t, enc.XOR, enc.S64, dst, k)
	default:
		// Both halves in turn; the signs of the low one's parts reach the upper.
		high, low, l := uint32(x>>32)^uint32(int32(x)>>31), int32(x), c.blind.next()
		t = enc.MovRI32(t, dst, high^uint32(k))
		t = enc.RI(t, enc.XOR, enc.S32, dst, k)
		t = enc.ShiftI(t, enc.SHL, enc.S64, dst, 32)
		t = enc.RI(t, enc.XOR, enc.S64, dst, low^l)
		t = enc.RI(t, enc.XOR, enc.S64, dst, l)
	}
	c.asm.Text = t
}
