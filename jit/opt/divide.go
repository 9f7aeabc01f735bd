package opt

import (
	"math"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// PlainDivision reports whether a division is one of those that Build takes: of
// numbers without sign, by an immediate that is a power of two, or, in 32 bits,
// one that has a multiplier.
func (c *Config) PlainDivision(in ir.Insn) bool {
	row := in.Row()
	if row.ALU != ir.Div && row.ALU != ir.Mod || row.Src != ir.K {
		return false
	}
	if in.Imm > 0 && in.Imm&(in.Imm-1) == 0 {
		return true
	}
	_, _, ok := Multiplier(uint32(in.Imm))
	return ok && row.Width == ir.W32 && !c.Off[PassDivide]
}

// Multiplier returns m and k so that n/d is n*m >> k for all n of 32 bits, with
// the condition that package jitproof's rule has; there is none for some d.
func Multiplier(d uint32) (m uint64, k int, ok bool) {
	if d < 3 {
		return 0, 0, false
	}
	for k = 32; k < 64; k++ {
		m = (1<<k-1)/uint64(d) + 1
		if m > math.MaxUint32 {
			return 0, 0, false
		}
		if hi, lo := bits.Mul64(m*uint64(d)-1<<k, math.MaxUint32); hi == 0 && lo < 1<<k {
			return m, k, true
		}
	}
	return 0, 0, false
}

// WideMultiplier returns s, m and k so that n/d is (n>>s)*m >> (64+k) for all n of 64
// bits, with the condition that package jitproof's rule has; there is none for some
// odd d, nor for those above 32 bits.
func WideMultiplier(d uint64) (s uint8, m uint64, k uint8, ok bool) {
	if d < 3 || d > math.MaxUint32 {
		return 0, 0, 0, false
	}
	s = uint8(bits.TrailingZeros64(d))
	if d >>= s; d == 1 {
		return 0, 0, 0, false
	}
	k = uint8(bits.Len64(d) - 1)
	m, rest := bits.Div64(1<<k, 0, d) // below 2^64, as 2^k < d
	if rest == 0 || m == math.MaxUint64 {
		return 0, 0, 0, false
	}
	m++
	_, e := bits.Mul64(m, d)
	over, _ := bits.Mul64(math.MaxUint64>>s, e)
	return s, m, k, over < 1<<k
}

// multiply adds a division by d as a multiplication.
func (b *builder) multiply(in ir.Insn, pc ir.PC, x ID) ID {
	m, k, _ := Multiplier(uint32(in.Imm))
	v := Value{W: ir.W64, A: None, B: None, Reg: in.Dst, PC: pc}
	v.Op, v.A, v.From = Zext, x, ir.W32
	wide := b.add(v)
	c := b.add(Value{Op: Const, W: ir.W64, A: None, B: None, Imm: int64(m), Reg: ir.FP, PC: pc})
	v.Op, v.A, v.B, v.From = Mul, wide, c, 0
	product := b.add(v)
	v.Op, v.A, v.B, v.Imm = Shr, product, None, int64(k)
	q := b.add(v)
	if in.Row().ALU == ir.Div {
		return q
	}
	v.Op, v.W, v.A, v.Imm = Mul, ir.W32, q, in.Imm
	b.blinded(&v.B, &v.Imm, pc)
	back := b.add(v)
	v.Op, v.A, v.B, v.Imm = Sub, x, back, 0
	return b.add(v)
}

func (b *builder) divide(v *Value, in ir.Insn, row *ir.Row) {
	v.A = b.read(in.Dst)
	if row.ALU == ir.Mod {
		v.Op, v.Imm = And, in.Imm-1
		return
	}
	v.Op = Shr
	for n := in.Imm; n > 1; n >>= 1 {
		v.Imm++
	}
}
