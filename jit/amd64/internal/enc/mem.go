package enc

// Load appends the load of s bits into dst, zero-extended to 64.
func Load(b []byte, s Size, dst Reg, m Mem) []byte {
	switch s {
	case S8, S16:
		return indirect(append(memPrefixes(b, S32, dst, m, 0), escape, extendOp(0xb6, s)), dst, m)
	}
	return indirect(append(memPrefixes(b, s, dst, m, 0), 0x8b), dst, m)
}

// LoadSigned appends the load of 8, 16 or 32 bits, sign-extended to 64.
func LoadSigned(b []byte, s Size, dst Reg, m Mem) []byte {
	b = memPrefixes(b, S64, dst, m, 0)
	if s == S32 {
		return indirect(append(b, 0x63), dst, m)
	}
	return indirect(append(b, escape, extendOp(0xbe, s)), dst, m)
}

// Store appends "mov m, src" for s bits.
func Store(b []byte, s Size, m Mem, src Reg) []byte {
	return memReg(b, wide(0x88, s), s, m, src)
}

// StoreI appends "mov m, imm" for s bits; 64 bits take a sign-extended
// immediate.
func StoreI(b []byte, s Size, m Mem, imm int32) []byte {
	b = append(memPrefixes(b, s, 0, m, 0), wide(0xc6, s))
	return immediate(indirect(b, 0, m), s, imm)
}

// wide returns the opcode for operands above 8 bits.
func wide(op byte, s Size) byte {
	if s == S8 {
		return op
	}
	return op | 1
}

func memReg(b []byte, opcode byte, s Size, m Mem, reg Reg) []byte {
	return indirect(append(memPrefixes(b, s, reg, m, byteOperand(s, reg)), opcode), reg, m)
}

// MI8 appends "op m, imm" for 32 or 64 bits with an immediate of one byte.
func MI8(b []byte, op ALU, s Size, m Mem, imm int8) []byte {
	b = append(memPrefixes(b, s, 0, m, 0), 0x83)
	return append(indirect(b, Reg(op), m), byte(imm))
}

// MI appends "op m, imm" for 8 to 64 bits; imm is as wide as the operand, at
// most 32 bits.
func MI(b []byte, op ALU, s Size, m Mem, imm int32) []byte {
	if s > S8 && imm == int32(int8(imm)) {
		return append(indirect(append(memPrefixes(b, s, 0, m, 0), 0x83), Reg(op), m), byte(imm))
	}
	b = append(memPrefixes(b, s, 0, m, 0), wide(0x80, s))
	return immediate(indirect(b, Reg(op), m), s, imm)
}

// RM appends "op dst, m" for 32 or 64 bits; cmp also for 8 and 16.
func RM(b []byte, op ALU, s Size, dst Reg, m Mem) []byte {
	return memReg(b, wide(byte(op)<<3|2, s), s, m, dst)
}

// MR appends "op m, src" for 8 to 64 bits.
func MR(b []byte, op ALU, s Size, m Mem, src Reg) []byte {
	return memReg(b, wide(byte(op)<<3, s), s, m, src)
}

// ImulRM appends "imul dst, m" for 32 or 64 bits.
func ImulRM(b []byte, s Size, dst Reg, m Mem) []byte {
	return indirect(append(memPrefixes(b, s, dst, m, 0), escape, 0xaf), dst, m)
}

// LoadSwapped appends "movbe dst, m" for 32 or 64 bits.
func LoadSwapped(b []byte, s Size, dst Reg, m Mem) []byte {
	return indirect(append(memPrefixes(b, s, dst, m, 0), escape, 0x38, 0xf0), dst, m)
}

// StoreSwapped appends "movbe m, src" for 32 or 64 bits.
func StoreSwapped(b []byte, s Size, m Mem, src Reg) []byte {
	return indirect(append(memPrefixes(b, s, src, m, 0), escape, 0x38, 0xf1), src, m)
}

// LockMR appends "lock op m, src" for 32 or 64 bits.
func LockMR(b []byte, op ALU, s Size, m Mem, src Reg) []byte {
	return memReg(append(b, lock), byte(op)<<3|1, s, m, src)
}

// Xchg appends "xchg m, reg" for 32 or 64 bits, which locks by itself.
func Xchg(b []byte, s Size, m Mem, reg Reg) []byte { return memReg(b, 0x87, s, m, reg) }

// LockXadd appends "lock xadd m, reg" for 32 or 64 bits.
func LockXadd(b []byte, s Size, m Mem, reg Reg) []byte { return lockEscape(b, 0xc1, s, m, reg) }

// LockCmpxchg appends "lock cmpxchg m, reg" for 32 or 64 bits; it compares
// with rax.
func LockCmpxchg(b []byte, s Size, m Mem, reg Reg) []byte { return lockEscape(b, 0xb1, s, m, reg) }

func lockEscape(b []byte, opcode byte, s Size, m Mem, reg Reg) []byte {
	b = memPrefixes(append(b, lock), s, reg, m, 0)
	return indirect(append(b, escape, opcode), reg, m)
}

// Push appends "push r".
func Push(b []byte, r Reg) []byte { return append(prefixes(b, S32, 0, r, 0), 0x50|byte(r&7)) }

// PushI appends "push imm", sign-extended to 64 bits.
func PushI(b []byte, imm int32) []byte { return imm32(append(b, 0x68), imm) }

// Pop appends "pop r".
func Pop(b []byte, r Reg) []byte { return append(prefixes(b, S32, 0, r, 0), 0x58|byte(r&7)) }
