package linux58

import "github.com/bpfproof/bpfproof/ir"

// Release is a version of the verifier.
type Release uint8

// The releases. They differ in Or only: 5.9 has the fix 5b9fbeb75b6a.
const (
	V58 Release = iota
	V59
)

// String returns the release's name.
func (v Release) String() string { return [...]string{"Linux 5.8", "Linux 5.9"}[v] }

// ALU returns what is known of the destination after And, Or or Sub of 64 bits,
// or of 32 if half is set; then the high half of the result is 0. Others give
// what is known of nothing.
func ALU(v Release, op ir.ALUOp, half bool, d, s Reg) Reg {
	if spoilt(half, s) {
		return Unknown()
	}
	switch op {
	case ir.Sub:
		d.Low, d.Full = subLow(d.Low, s.Low), subFull(d.Full, s.Full)
		d.Bits = sub(d.Bits, s.Bits)
	case ir.And:
		d = bitwiseAnd(d, s)
	case ir.Or:
		if !settled(half, s) {
			return Unknown()
		}
		d = bitwiseOr(v, d, s)
	default:
		return Unknown()
	}
	if half {
		d.Bits = d.Bits.lowHalf()
		d.Full = d.Low.extend()
	}
	return Sync(d)
}

// settled tells whether the word, or its low half, is known from the bits.
func settled(half bool, r Reg) bool {
	if half {
		return r.Bits.lowHalf().isConstant()
	}
	return r.Bits.isConstant()
}

// spoilt tells whether bounds contradict each other or known bits, as they may
// where a branch is dead.
func spoilt(half bool, r Reg) bool {
	known := settled(half, r)
	if half {
		return contradict(r.Low, known)
	}
	return contradict(r.Full, known)
}

func contradict[S int32 | int64, U uint32 | uint64](r Range[S, U], known bool) bool {
	return known && (r.SMin != r.SMax || r.UMin != r.UMax) || r.SMin > r.SMax || r.UMin > r.UMax
}

// extend returns the bounds of the word whose low half is in r and whose high
// half is 0.
func (r Range[S, U]) extend() Range[int64, uint64] {
	f := Range[int64, uint64]{SMax: low, UMin: uint64(r.UMin), UMax: uint64(r.UMax)}
	if r.SMin >= 0 {
		f.SMin = int64(r.SMin)
		if r.SMax >= 0 {
			f.SMax = int64(r.SMax)
		}
	}
	return f
}

// overflow32 tells whether a - b leaves 32 bits.
func overflow32(a, b int32) bool {
	d := a - b
	return b < 0 && d < a || b >= 0 && d > a
}

// overflow64 is meant to tell whether a - b leaves 64 bits, but looks at the low
// halves only (fixed by bc895e8b2a64 in Linux 5.11).
func overflow64(a, b int64) bool {
	p, q := int64(int32(a)), int64(int32(b))
	d := p - q
	return q < 0 && d < p || q >= 0 && d > p
}

func subLow(d, s Range[int32, uint32]) Range[int32, uint32] {
	r := all32()
	if !overflow32(d.SMin, s.SMax) && !overflow32(d.SMax, s.SMin) {
		r.SMin, r.SMax = d.SMin-s.SMax, d.SMax-s.SMin
	}
	if d.UMin >= s.UMax {
		r.UMin, r.UMax = d.UMin-s.UMax, d.UMax-s.UMin
	}
	return r
}

func subFull(d, s Range[int64, uint64]) Range[int64, uint64] {
	r := all64()
	if !overflow64(d.SMin, s.SMax) && !overflow64(d.SMax, s.SMin) {
		r.SMin, r.SMax = d.SMin-s.SMax, d.SMax-s.SMin
	}
	if d.UMin >= s.UMax {
		r.UMin, r.UMax = d.UMin-s.UMax, d.UMax-s.UMin
	}
	return r
}

// bitwise returns the bounds of a result of And or Or with these unsigned
// bounds; signed ones are lost if an operand can be negative, and otherwise
// taken from signed.
func bitwise[S int32 | int64, U uint32 | uint64](d, s, none Range[S, U], least, greatest U, signed Range[S, U]) Range[S, U] {
	r := Range[S, U]{none.SMin, none.SMax, least, greatest}
	if d.SMin >= 0 && s.SMin >= 0 {
		r.SMin, r.SMax = signed.SMin, signed.SMax
	}
	return r
}

// bitwiseAnd leaves the bounds of the low half as they were where both low
// halves are known, though those of the whole may not be and then nobody sets
// them (CVE-2021-3490).
func bitwiseAnd(d, s Reg) Reg {
	d.Bits = and(d.Bits, s.Bits)
	t := d.Bits
	if !settled(true, d) || !settled(true, s) {
		least, greatest := uint32(t.Value), min(d.Low.UMax, s.Low.UMax)
		d.Low = bitwise(d.Low, s.Low, all32(), least, greatest, Range[int32, uint32]{SMin: int32(least), SMax: int32(greatest)})
	}
	if settled(false, d) && settled(false, s) {
		return Known(t.Value & s.Bits.Value)
	}
	least, greatest := t.Value, min(d.Full.UMax, s.Full.UMax)
	d.Full = bitwise(d.Full, s.Full, all64(), least, greatest, Range[int64, uint64]{SMin: int64(least), SMax: int64(greatest)})
	return d.fromBits()
}

// bitwiseOr has the same bug. In 5.8 it also takes the low half's bounds from
// those of the whole word (CVE-2020-27194).
func bitwiseOr(v Release, d, s Reg) Reg {
	d.Bits = or(d.Bits, s.Bits)
	t := d.Bits
	if !settled(true, d) || !settled(true, s) {
		d.Low = orLow(v, d, s)
	}
	if settled(false, d) && settled(false, s) {
		return Known(t.Value | s.Bits.Value)
	}
	least, greatest := max(d.Full.UMin, s.Full.UMin), t.Value|t.Mask
	d.Full = bitwise(d.Full, s.Full, all64(), least, greatest, Range[int64, uint64]{SMin: int64(least), SMax: int64(greatest)})
	return d.fromBits()
}

func orLow(v Release, d, s Reg) Range[int32, uint32] {
	greatest := uint32(d.Bits.Value | d.Bits.Mask)
	if v == V58 {
		truncated := Range[int32, uint32]{SMin: int32(s.Full.SMin)}
		least := max(d.Low.UMin, uint32(s.Full.UMin))
		return bitwise(d.Low, truncated, all32(), least, greatest, Range[int32, uint32]{SMin: int32(d.Full.UMin), SMax: int32(d.Full.UMax)})
	}
	least := max(d.Low.UMin, s.Low.UMin)
	return bitwise(d.Low, s.Low, all32(), least, greatest, Range[int32, uint32]{SMin: int32(least), SMax: int32(greatest)})
}
