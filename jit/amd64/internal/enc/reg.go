package enc

import (
	"encoding/binary"
	"math/bits"
)

// Reg is a general register by its machine number.
type Reg uint8

// The sixteen general registers.
const (
	RAX Reg = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
)

var regNames = [...]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// String returns the register's name, such as "rax".
func (r Reg) String() string { return regNames[r&15] }

// Size is the width of an operand in bits.
type Size uint8

// The operand sizes.
const (
	S8  Size = 8
	S16 Size = 16
	S32 Size = 32
	S64 Size = 64
)

// Mem is the memory operand [Base + Index*Scale + Disp]. Scale is 1, 2, 4 or 8,
// or 0 where there is no index, which is any register but rsp.
type Mem struct {
	Base  Reg
	Disp  int32
	Index Reg
	Scale uint8
}

const (
	rexBase  = 0x40
	rexW     = 0x08
	prefix16 = 0x66
	lock     = 0xf0
	escape   = 0x0f
)

// prefixes appends the operand size prefix and REX, where they are needed, for
// the ModRM fields reg and rm. byteReg is a register operand of 8 bits, or
// RAX: numbers 4 to 7 mean ah-bh without REX.
func prefixes(b []byte, s Size, reg, rm, byteReg Reg) []byte {
	if s == S16 {
		b = append(b, prefix16)
	}
	rex := byte(reg>>3)<<2 | byte(rm>>3)
	if s == S64 {
		rex |= rexW
	}
	if rex != 0 || byteReg >= RSP && byteReg <= RDI {
		b = append(b, rexBase|rex)
	}
	return b
}

// memPrefixes is prefixes for the ModRM field reg and a memory operand.
func memPrefixes(b []byte, s Size, reg Reg, m Mem, byteReg Reg) []byte {
	if m.Scale == 0 || m.Index < R8 {
		return prefixes(b, s, reg, m.Base, byteReg)
	}
	b = prefixes(b, s, reg|R8, m.Base, byteReg) // so that there is a REX prefix
	rex := &b[len(b)-1]
	*rex = *rex&^4 | byte(reg>>3)<<2 | 2
	return b
}

// direct appends a ModRM byte for two registers.
func direct(b []byte, reg, rm Reg) []byte { return append(b, 0xc0|byte(reg&7)<<3|byte(rm&7)) }

// indirect appends ModRM, SIB and displacement of a memory operand.
func indirect(b []byte, reg Reg, m Mem) []byte {
	base := byte(m.Base & 7)
	mod := byte(0x80)
	switch {
	case m.Disp == 0 && base != byte(RBP):
		mod = 0
	case m.Disp == int32(int8(m.Disp)):
		mod = 0x40
	}
	switch {
	case m.Scale != 0:
		b = append(b, mod|byte(reg&7)<<3|4, byte(bits.TrailingZeros8(m.Scale))<<6|byte(m.Index&7)<<3|base)
	case base == byte(RSP):
		b = append(b, mod|byte(reg&7)<<3|4, 0x24)
	default:
		b = append(b, mod|byte(reg&7)<<3|base)
	}
	switch mod {
	case 0x40:
		return append(b, byte(m.Disp))
	case 0x80:
		return imm32(b, m.Disp)
	}
	return b
}

func imm32(b []byte, x int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(x)) }

// immediate appends an immediate as wide as an operand of size s takes: 64-bit
// operands take 32 sign-extended bits.
func immediate(b []byte, s Size, x int32) []byte {
	switch s {
	case S8:
		return append(b, byte(x))
	case S16:
		return append(b, byte(x), byte(x>>8))
	}
	return imm32(b, x)
}
