package ir

// Insn is one instruction. Fields that Op does not use are zero.
//
// Imm holds the immediate sign-extended from 32 bits; for 64-bit immediate
// loads all 64 bits (second slot high).
type Insn struct {
	Op       Op
	Dst, Src Reg
	Off      int16
	Imm      int64
}

// Pad returns the instruction that fills the second slot of a 64-bit load.
func Pad() Insn { return Insn{Op: OpPad} }

// Row returns the table row of the instruction's operation.
func (in Insn) Row() *Row { return in.Op.Row() }

// Kind returns the instruction's group.
func (in Insn) Kind() Kind { return in.Op.Row().Kind }

// Writes returns the register that the instruction itself names and writes; ok is
// false where there is none. Calls, packet loads and compare-and-exchange, which
// write r0 to r5 or r0 without naming them, are not among these.
func (in Insn) Writes() (r Reg, ok bool) {
	row := in.Row()
	switch row.Kind {
	case KindALU, KindSwap, KindLoadImm, KindLoad, KindLoadAcquire, KindCast:
		return in.Dst, true
	case KindAtomic:
		return in.Src, row.Fetch && row.Atomic != AtomicCmpXchg
	}
	return 0, false
}

// WritesFP reports whether the instruction writes the frame pointer, which no
// verifier lets a run come to.
func (in Insn) WritesFP() bool {
	r, ok := in.Writes()
	return ok && r == FP
}

// Target returns where a jump, branch, may_goto, local call or function
// reference at pc leads; ok is false for other instructions. The target may
// lie outside the program: Program.Check refuses that.
func (in Insn) Target(pc PC) (target PC, ok bool) {
	r := in.Row()
	switch r.Kind {
	case KindJump:
		if r.Long {
			return pc + 1 + PC(in.Imm), true
		}
		return pc + 1 + PC(in.Off), true
	case KindBranch, KindMayGoto:
		return pc + 1 + PC(in.Off), true
	case KindCall:
		if r.Pseudo == CallLocal {
			return pc + 1 + PC(in.Imm), true
		}
	case KindLoadImm:
		if r.Pseudo == PseudoFunc {
			return pc + 1 + PC(int32(in.Imm)), true
		}
	}
	return 0, false
}

// FallsThrough reports whether execution can go on at the next slot.
func (in Insn) FallsThrough() bool {
	k := in.Kind()
	return k != KindJump && k != KindExit
}

// Map splits the immediate of a map reference into the index of the map in
// Program.Maps and the offset into its value; ok is false for instructions
// that do not refer to a map.
func (in Insn) Map() (index int, offset uint32, ok bool) {
	r := in.Row()
	if r.Kind != KindLoadImm {
		return 0, 0, false
	}
	switch r.Pseudo {
	case PseudoMapFD, PseudoMapValue, PseudoMapIdx, PseudoMapIdxV:
		return int(int32(in.Imm)), uint32(in.Imm >> 32), true
	}
	return 0, 0, false
}

// Meaningful reports that verifiers let an immediate operand of the operation pass:
// no division by 0, no shift by the width or more, though the instruction set
// defines what these do.
func (r *Row) Meaningful(imm int64) bool {
	switch r.ALU {
	case Div, SDiv, Mod, SMod:
		return imm != 0
	case Lsh, Rsh, Arsh:
		return uint64(imm) < uint64(r.Width)
	}
	return true
}
