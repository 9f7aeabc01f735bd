package enc

import "encoding/binary"

// ALU is a two-operand operation by its number in the opcodes 00-3f and in the
// group of 80-83.
type ALU uint8

// The two-operand operations in use.
const (
	ADD ALU = 0
	OR  ALU = 1
	AND ALU = 4
	SUB ALU = 5
	XOR ALU = 6
	CMP ALU = 7
)

// RR appends "op dst, src" for 32 or 64 bits.
func RR(b []byte, op ALU, s Size, dst, src Reg) []byte { return regReg(b, byte(op)<<3|1, s, dst, src) }

// RI appends "op dst, imm" for 32 or 64 bits.
func RI(b []byte, op ALU, s Size, dst Reg, imm int32) []byte {
	b = prefixes(b, s, 0, dst, 0)
	if imm == int32(int8(imm)) {
		return append(direct(append(b, 0x83), Reg(op), dst), byte(imm))
	}
	return imm32(direct(append(b, 0x81), Reg(op), dst), imm)
}

// MovRR appends "mov dst, src" for 32 (zeroing the upper half) or 64 bits.
func MovRR(b []byte, s Size, dst, src Reg) []byte { return regReg(b, 0x89, s, dst, src) }

// TestRR appends "test x, y" for 32 or 64 bits.
func TestRR(b []byte, s Size, x, y Reg) []byte { return regReg(b, 0x85, s, x, y) }

// TestRI appends "test x, imm" for 32 or 64 bits.
func TestRI(b []byte, s Size, x Reg, imm int32) []byte {
	return imm32(direct(append(prefixes(b, s, 0, x, 0), 0xf7), 0, x), imm)
}

func regReg(b []byte, opcode byte, s Size, rm, reg Reg) []byte {
	return direct(append(prefixes(b, s, reg, rm, 0), opcode), reg, rm)
}

// MovRI32 appends "mov dst, imm" for 32 bits; the upper half becomes 0.
func MovRI32(b []byte, dst Reg, imm uint32) []byte {
	return imm32(append(prefixes(b, S32, 0, dst, 0), 0xb8|byte(dst&7)), int32(imm))
}

// MovRS32 appends "mov dst, imm" for 64 bits with a sign-extended immediate.
func MovRS32(b []byte, dst Reg, imm int32) []byte {
	return imm32(direct(append(prefixes(b, S64, 0, dst, 0), 0xc7), 0, dst), imm)
}

// MovRI64 appends "mov dst, imm" with an immediate of 8 bytes.
func MovRI64(b []byte, dst Reg, imm uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(prefixes(b, S64, 0, dst, 0), 0xb8|byte(dst&7)), imm)
}

// ImulRR appends "imul dst, src" for 32 or 64 bits.
func ImulRR(b []byte, s Size, dst, src Reg) []byte {
	return direct(append(prefixes(b, s, dst, src, 0), escape, 0xaf), dst, src)
}

// ImulRI appends "imul dst, src, imm" for 32 or 64 bits.
func ImulRI(b []byte, s Size, dst, src Reg, imm int32) []byte {
	b = prefixes(b, s, dst, src, 0)
	if imm == int32(int8(imm)) {
		return append(direct(append(b, 0x6b), dst, src), byte(imm))
	}
	return imm32(direct(append(b, 0x69), dst, src), imm)
}

// Lea appends "lea dst, m" for 32 (zeroing the upper half) or 64 bits.
func Lea(b []byte, s Size, dst Reg, m Mem) []byte {
	return indirect(append(memPrefixes(b, s, dst, m, 0), 0x8d), dst, m)
}

// Unary is a one-operand operation by its number in the group of f7.
type Unary uint8

// The one-operand operations. MUL, DIV and IDIV work on rdx:rax.
const (
	NOT  Unary = 2
	NEG  Unary = 3
	MUL  Unary = 4
	DIV  Unary = 6
	IDIV Unary = 7
)

// R appends "op r" for 32 or 64 bits.
func R(b []byte, op Unary, s Size, r Reg) []byte {
	return direct(append(prefixes(b, s, 0, r, 0), 0xf7), Reg(op), r)
}

// SignAcc appends cdq (32 bits) or cqo (64): the sign of rax into all of rdx.
func SignAcc(b []byte, s Size) []byte { return append(prefixes(b, s, 0, 0, 0), 0x99) }

// Shift is a shift or rotation by its number in the group of c1 and d3.
type Shift uint8

// The shifts and the rotation in use.
const (
	ROL Shift = 0
	SHL Shift = 4
	SHR Shift = 5
	SAR Shift = 7
)

// ShiftI appends "op r, n" for 16, 32 or 64 bits.
func ShiftI(b []byte, op Shift, s Size, r Reg, n uint8) []byte {
	return append(direct(append(prefixes(b, s, 0, r, 0), 0xc1), Reg(op), r), n)
}

// ShiftCL appends "op r, cl" for 32 or 64 bits.
func ShiftCL(b []byte, op Shift, s Size, r Reg) []byte {
	return direct(append(prefixes(b, s, 0, r, 0), 0xd3), Reg(op), r)
}

// ShiftX appends shlx, shrx or sarx "dst, src, amount" for 32 or 64 bits: a
// VEX prefix of three bytes, map 0f38, with the operation in its last bits.
func ShiftX(b []byte, op Shift, s Size, dst, src, amount Reg) []byte {
	pp := [...]byte{SHL: 1, SHR: 3, SAR: 2}[op]
	w := byte(0)
	if s == S64 {
		w = 0x80
	}
	inverted := ^byte(dst>>3)&1<<7 | 1<<6 | ^byte(src>>3)&1<<5
	b = append(b, 0xc4, inverted|2, w|(^byte(amount)&15)<<3|pp, 0xf7)
	return direct(b, dst, src)
}

// RorX appends rorx "dst, src, n" for 32 or 64 bits: a rotation to the right
// that leaves the flags (VEX, map 0f3a).
func RorX(b []byte, s Size, dst, src Reg, n uint8) []byte {
	w := byte(0)
	if s == S64 {
		w = 0x80
	}
	inverted := ^byte(dst>>3)&1<<7 | 1<<6 | ^byte(src>>3)&1<<5
	return append(direct(append(b, 0xc4, inverted|3, w|0x7b, 0xf0), dst, src), n)
}

// Cmov appends "cmovcc dst, src" for 32 (zeroing the upper half) or 64 bits.
func Cmov(b []byte, c Cond, s Size, dst, src Reg) []byte {
	return direct(append(prefixes(b, s, dst, src, 0), escape, 0x40|byte(c)), dst, src)
}

// Xchg2 appends "xchg x, y" for 64 bits.
func Xchg2(b []byte, x, y Reg) []byte { return regReg(b, 0x87, S64, x, y) }

// Bswap appends "bswap r" for 32 or 64 bits.
func Bswap(b []byte, s Size, r Reg) []byte {
	return append(prefixes(b, s, 0, r, 0), escape, 0xc8|byte(r&7))
}

// Movzx appends "movzx dst, src" from 8 or 16 to 32 bits (and so to 64).
func Movzx(b []byte, from Size, dst, src Reg) []byte {
	return direct(append(prefixes(b, S32, dst, src, byteOperand(from, src)), escape, extendOp(0xb6, from)), dst, src)
}

// Movsx appends "movsx dst, src" from 8, 16 or 32 bits to 32 or 64.
func Movsx(b []byte, from, to Size, dst, src Reg) []byte {
	b = prefixes(b, to, dst, src, byteOperand(from, src))
	if from == S32 {
		return direct(append(b, 0x63), dst, src)
	}
	return direct(append(b, escape, extendOp(0xbe, from)), dst, src)
}

func byteOperand(s Size, r Reg) Reg {
	if s == S8 {
		return r
	}
	return RAX
}

// extendOp returns the second opcode byte of movzx or movsx: the 16-bit form
// follows the 8-bit one.
func extendOp(op byte, from Size) byte {
	if from == S16 {
		return op | 1
	}
	return op
}
