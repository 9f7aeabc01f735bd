package vm

import "github.com/bpfproof/bpfproof/runtime/mem"

// numRegs is a power of two, so that no register number needs a check.
const numRegs = 16

// run executes at most n instructions from m.pc on and returns how many of
// them are left. It stops early where m.stop is set: at the program's exit or
// at a fault.
//
// Comparisons of 32 bits are made on sign-extended operands: that extension
// keeps equality, common bits and both orders.
func (m *machine) run(n uint64) uint64 {
	code, r, pc := m.prog.code, &m.r, int(m.pc)
	for ; n > 0; n-- {
		in := &code[pc]
		x, y := r[in.dst%numRegs], r[in.src%numRegs]+in.imm
		at := pc
		pc = int(in.next)
		switch in.op {
		case opAdd:
			r[in.dst%numRegs] = (x + y) & in.mask
		case opSub:
			r[in.dst%numRegs] = (x - y) & in.mask
		case opMul:
			r[in.dst%numRegs] = (x * y) & in.mask
		case opOr:
			r[in.dst%numRegs] = (x | y) & in.mask
		case opAnd:
			r[in.dst%numRegs] = x & y & in.mask
		case opXor:
			r[in.dst%numRegs] = (x ^ y) & in.mask
		case opMov:
			r[in.dst%numRegs] = y & in.mask
		case opLsh:
			r[in.dst%numRegs] = x << (y & uint64(63-in.shift) & 63) & in.mask
		case opRsh:
			r[in.dst%numRegs] = x & in.mask >> (y & uint64(63-in.shift) & 63)
		case opArsh:
			r[in.dst%numRegs] = uint64(signed(x, in.shift)>>(y&uint64(63-in.shift)&63)) & in.mask
		case opPure:
			r[in.dst%numRegs] = pure[in.off](x, y)
		case opJump:
			pc = int(in.off)
		case opJEQ:
			if signed(x, in.shift) == signed(y, in.shift) {
				pc = int(in.off)
			}
		case opJGT:
			if uint64(signed(x, in.shift)) > uint64(signed(y, in.shift)) {
				pc = int(in.off)
			}
		case opJGE:
			if uint64(signed(x, in.shift)) >= uint64(signed(y, in.shift)) {
				pc = int(in.off)
			}
		case opJSGT:
			if signed(x, in.shift) > signed(y, in.shift) {
				pc = int(in.off)
			}
		case opJSGE:
			if signed(x, in.shift) >= signed(y, in.shift) {
				pc = int(in.off)
			}
		case opJSET:
			if signed(x, in.shift)&signed(y, in.shift) != 0 {
				pc = int(in.off)
			}
		case opLoad:
			if !m.reach(y, uint64(in.shift), false) {
				return m.fault(at, y, uint64(in.shift), false, n)
			}
			r[in.dst%numRegs] = load(y, in.shift)
		case opStore:
			addr := x + uint64(int64(in.off))
			if !m.reach(addr, uint64(in.shift), true) {
				return m.fault(at, addr, uint64(in.shift), true, n)
			}
			store(addr, in.shift, y)
		default:
			m.at, m.pc = int32(at), int32(pc)
			if slow[in.off](m, in); m.stop {
				return n - 1
			}
			pc = int(m.pc)
		}
	}
	m.pc = int32(pc)
	return n
}

// signed returns the low 64-shift bits of x as a signed number.
func signed(x uint64, shift uint8) int64 { return int64(x<<(shift&63)) >> (shift & 63) }

// load returns the word of 1, 2, 4 or 8 bytes at addr, zero-extended.
func load(addr uint64, bytes uint8) uint64 {
	switch bytes {
	case 8:
		return mem.Load64(addr)
	case 4:
		return mem.Load32(addr)
	case 2:
		return mem.Load16(addr)
	}
	return mem.Load8(addr)
}

// store writes the low 1, 2, 4 or 8 bytes of x to addr.
func store(addr uint64, bytes uint8, x uint64) {
	switch bytes {
	case 8:
		mem.Store64(addr, x)
	case 4:
		mem.Store32(addr, x)
	case 2:
		mem.Store16(addr, x)
	default:
		mem.Store8(addr, x)
	}
}
