package linux58

import "github.com/bpfproof/bpfproof/ir"

// Pair holds destination and source of a jump.
type Pair struct{ Dst, Src Reg }

// Jump returns what is known of both registers where the jump is taken and where
// it is not, for words of 64 bits, or their low halves if half is set.
//
// If the source is known and its bounds decide the jump, nothing is learnt: one
// way is dead. If it is known otherwise, something is learnt of the
// destination; else if the destination is known, of the source; else, of 64-bit
// equality, of both.
func Jump(op ir.CmpOp, half bool, d, s Reg) (taken, passed Pair) {
	taken, passed = Pair{d, s}, Pair{d, s}
	switch {
	case settled(half, s):
		if decided(op, half, d, s.Bits.Value) {
			return taken, passed
		}
		taken.Dst, passed.Dst = compare(op, half, d, s.Bits.Value)
	case settled(half, d):
		taken.Src, passed.Src = compare(mirror(op), half, s, d.Bits.Value)
	case !half && op == ir.JEQ:
		taken = equal(d, s)
	case !half && op == ir.JNE:
		passed = equal(d, s)
	}
	return taken, passed
}

// mirror returns the comparison with its operands exchanged.
func mirror(op ir.CmpOp) ir.CmpOp {
	switch op {
	case ir.JGT:
		return ir.JLT
	case ir.JLT:
		return ir.JGT
	case ir.JGE:
		return ir.JLE
	case ir.JLE:
		return ir.JGE
	case ir.JSGT:
		return ir.JSLT
	case ir.JSLT:
		return ir.JSGT
	case ir.JSGE:
		return ir.JSLE
	case ir.JSLE:
		return ir.JSGE
	}
	return op
}

// decided tells whether the views of r decide the comparison with k.
func decided(op ir.CmpOp, half bool, r Reg, k uint64) bool {
	bits, width := r.Bits, uint64(1<<64-1)
	if half {
		bits, width = bits.lowHalf(), low
	}
	switch op {
	case ir.JEQ, ir.JNE:
		return bits.isConstant()
	case ir.JSET:
		return bits.Value&^bits.Mask&k&width != 0 || (bits.Value|bits.Mask)&k&width == 0
	}
	if half {
		return outside(op, r.Low, int32(k), uint32(k))
	}
	return outside(op, r.Full, int64(k), k)
}

// outside tells whether all words of r compare alike with a constant. JSGT does
// not see that none is greater if the greatest is equal.
func outside[S int32 | int64, U uint32 | uint64](op ir.CmpOp, r Range[S, U], signed S, unsigned U) bool {
	switch op {
	case ir.JGT, ir.JLE:
		return r.UMin > unsigned || r.UMax <= unsigned
	case ir.JGE, ir.JLT:
		return r.UMin >= unsigned || r.UMax < unsigned
	case ir.JSGT:
		return r.SMin > signed || r.SMax < signed
	case ir.JSLE:
		return r.SMin > signed || r.SMax <= signed
	}
	return r.SMin >= signed || r.SMax < signed // JSGE, JSLT
}

// compare returns what is known of r where its comparison with k holds and where
// it does not. The bits learn only from the bounds, but for JSET.
func compare(op ir.CmpOp, half bool, r Reg, k uint64) (yes, no Reg) {
	yes, no = r, r
	if half {
		yes.Low, no.Low = bound(op, r.Low, int32(k), uint32(k))
	} else {
		yes.Full, no.Full = bound(op, r.Full, int64(k), k)
	}
	switch {
	case op == ir.JEQ && !half:
		yes = known(yes, k)
	case op == ir.JNE && !half:
		no = known(no, k)
	case op == ir.JSET:
		yes.Bits, no.Bits = test(half, r.Bits, k)
	}
	if half {
		return yes.widen(), no.widen()
	}
	return yes.lower(), no.lower()
}

// known keeps the bits of r and sets all bounds to those of k.
func known(r Reg, k uint64) Reg {
	bits := r.Bits
	r = Known(k)
	r.Bits = bits
	return r
}

// bound returns the bounds of r where the comparison with a constant holds and
// where it does not. Constants next to the ends of the range wrap around.
func bound[S int32 | int64, U uint32 | uint64](op ir.CmpOp, r Range[S, U], signed S, unsigned U) (yes, no Range[S, U]) {
	yes, no = r, r
	switch op {
	case ir.JEQ:
		yes = Range[S, U]{signed, signed, unsigned, unsigned}
	case ir.JNE:
		no = Range[S, U]{signed, signed, unsigned, unsigned}
	case ir.JGT:
		yes.UMin, no.UMax = max(r.UMin, unsigned+1), min(r.UMax, unsigned)
	case ir.JGE:
		yes.UMin, no.UMax = max(r.UMin, unsigned), min(r.UMax, unsigned-1)
	case ir.JLT:
		yes.UMax, no.UMin = min(r.UMax, unsigned-1), max(r.UMin, unsigned)
	case ir.JLE:
		yes.UMax, no.UMin = min(r.UMax, unsigned), max(r.UMin, unsigned+1)
	case ir.JSGT:
		yes.SMin, no.SMax = max(r.SMin, signed+1), min(r.SMax, signed)
	case ir.JSGE:
		yes.SMin, no.SMax = max(r.SMin, signed), min(r.SMax, signed-1)
	case ir.JSLT:
		yes.SMax, no.SMin = min(r.SMax, signed-1), max(r.SMin, signed)
	case ir.JSLE:
		yes.SMax, no.SMin = min(r.SMax, signed), max(r.SMin, signed+1)
	}
	return yes, no
}

// test returns the bits where some bit of k is 1, and where none is. If k has
// one bit only, that one is 1.
func test(half bool, t Bits, k uint64) (yes, no Bits) {
	if half {
		k &= low
	}
	yes, no = t, and(t, constant(^k))
	if k != 0 && k&(k-1) == 0 {
		yes = or(t, constant(k))
	}
	return yes, no
}

// equal returns what is known of two registers that hold the same word. Bounds
// of the low halves are not exchanged.
func equal(d, s Reg) Pair {
	both := Range[int64, uint64]{max(d.Full.SMin, s.Full.SMin), min(d.Full.SMax, s.Full.SMax), max(d.Full.UMin, s.Full.UMin), min(d.Full.UMax, s.Full.UMax)}
	bits := meet(d.Bits, s.Bits)
	d.Full, s.Full, d.Bits, s.Bits = both, both, bits, bits
	return Pair{Sync(d).fromBits(), Sync(s).fromBits()}
}

// widen recomputes the word's bounds after those of the low half have changed.
func (r Reg) widen() Reg {
	if r.Bits.highHalf() == constant(0) {
		r.Full = r.Low.extend()
	} else {
		r.Full = all64()
		r = r.fromBits()
	}
	return r.agree().toBits().fromBits()
}

// lower recomputes the bounds of the low half from those of the word: each bound
// that fits in 32 bits becomes one of the low half, though the other may not fit
// (signed: fixed by b02709587ea3 in 5.11; unsigned: CVE-2021-31440).
func (r Reg) lower() Reg {
	r.Low = all32()
	if fitsSigned(r.Full.SMin) {
		r.Low.SMin = int32(r.Full.SMin)
	}
	if fitsSigned(r.Full.SMax) {
		r.Low.SMax = int32(r.Full.SMax)
	}
	if fitsUnsigned(r.Full.UMin) {
		r.Low.UMin = uint32(r.Full.UMin)
	}
	if fitsUnsigned(r.Full.UMax) {
		r.Low.UMax = uint32(r.Full.UMax)
	}
	return r.agree().toBits().fromBits()
}

func fitsSigned(x int64) bool { return -1<<31 < x && x < 1<<31-1 }

func fitsUnsigned(x uint64) bool { return 0 < x && x < 1<<32-1 }
