package enc

// Cond is a condition by its number in the opcodes 70-7f. A condition's
// opposite differs in the lowest bit.
type Cond uint8

// The conditions in use, after cmp: B to A unsigned, L to G signed.
const (
	B  Cond = 0x2
	AE Cond = 0x3
	E  Cond = 0x4
	NE Cond = 0x5
	BE Cond = 0x6
	A  Cond = 0x7
	S  Cond = 0x8
	NS Cond = 0x9
	L  Cond = 0xc
	GE Cond = 0xd
	LE Cond = 0xe
	G  Cond = 0xf
)

// Not returns the opposite condition.
func (c Cond) Not() Cond { return c ^ 1 }

// The sizes of jumps in bytes.
const (
	JccShort = 2
	JccLong  = 6
	JmpShort = 2
	JmpLong  = 5
	CallLong = 5
)

// Jcc8 appends a conditional jump; disp counts from its end.
func Jcc8(b []byte, c Cond, disp int8) []byte { return append(b, 0x70|byte(c), byte(disp)) }

// Jcc32 appends a conditional jump; disp counts from its end.
func Jcc32(b []byte, c Cond, disp int32) []byte {
	return imm32(append(b, escape, 0x80|byte(c)), disp)
}

// Jmp8 appends a jump; disp counts from its end.
func Jmp8(b []byte, disp int8) []byte { return append(b, 0xeb, byte(disp)) }

// Jmp32 appends a jump; disp counts from its end.
func Jmp32(b []byte, disp int32) []byte { return imm32(append(b, 0xe9), disp) }

// Call appends a direct call; disp counts from its end.
func Call(b []byte, disp int32) []byte { return imm32(append(b, 0xe8), disp) }

// CallM appends "call m".
func CallM(b []byte, m Mem) []byte {
	return indirect(append(memPrefixes(b, S32, 0, m, 0), 0xff), 2, m)
}

// JmpR appends "jmp r".
func JmpR(b []byte, r Reg) []byte { return direct(append(prefixes(b, S32, 0, r, 0), 0xff), 4, r) }

// Trap appends "ud2", which always raises an invalid-opcode exception.
func Trap(b []byte) []byte { return append(b, escape, 0x0b) }

// Nop appends "nop".
func Nop(b []byte) []byte { return append(b, 0x90) }

// MaxNop is the length of the longest nop in bytes.
const MaxNop = 9

// nops are the recommended nops by length (SDM, NOP).
var nops = [MaxNop + 1]string{1: "\x90", 2: "\x66\x90", 3: "\x0f\x1f\x00", 4: "\x0f\x1f\x40\x00", 5: "\x0f\x1f\x44\x00\x00",
	6: "\x66\x0f\x1f\x44\x00\x00", 7: "\x0f\x1f\x80\x00\x00\x00\x00", 8: "\x0f\x1f\x84\x00\x00\x00\x00\x00",
	9: "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"}

// NopN appends a nop of n bytes, from 1 to MaxNop.
func NopN(b []byte, n int) []byte { return append(b, nops[n]...) }

// Ret appends "ret".
func Ret(b []byte) []byte { return append(b, 0xc3) }
