package linux58

import "fmt"

// Range bounds a word from both sides, taken as signed and as unsigned.
type Range[S int32 | int64, U uint32 | uint64] struct {
	SMin, SMax S
	UMin, UMax U
}

// Reg is what is known of a 64-bit register: its bits, bounds of the word, and
// bounds of its low half.
type Reg struct {
	Bits Bits
	Full Range[int64, uint64]
	Low  Range[int32, uint32]
}

// Column names one of the five views of a register, as the paper's table does.
type Column uint8

// The columns, in the paper's order.
const (
	U64 Column = iota
	S64
	Tnum
	U32
	S32
)

// Columns returns all columns in order.
func Columns() []Column { return []Column{U64, S64, Tnum, U32, S32} }

// String returns the paper's name of the column.
func (c Column) String() string { return [...]string{"u64", "s64", "tnum", "u32", "s32"}[c] }

// Holds reports whether one view of r allows the word x.
func (r Reg) Holds(c Column, x uint64) bool {
	switch c {
	case U64:
		return r.Full.UMin <= x && x <= r.Full.UMax
	case S64:
		return r.Full.SMin <= int64(x) && int64(x) <= r.Full.SMax
	case Tnum:
		return x&^r.Bits.Mask == r.Bits.Value
	case U32:
		return r.Low.UMin <= uint32(x) && uint32(x) <= r.Low.UMax
	}
	return r.Low.SMin <= int32(x) && int32(x) <= r.Low.SMax
}

// Contains reports whether all views of r allow the word x.
func (r Reg) Contains(x uint64) bool {
	return r.Holds(U64, x) && r.Holds(S64, x) && r.Holds(Tnum, x) && r.Holds(U32, x) && r.Holds(S32, x)
}

// Unknown returns the register of which nothing is known.
func Unknown() Reg {
	return Reg{Bits: Bits{Mask: ^uint64(0)}, Full: all64(), Low: all32()}
}

// Known returns the register that holds x.
func Known(x uint64) Reg {
	return Reg{Bits: constant(x), Full: Range[int64, uint64]{int64(x), int64(x), x, x}, Low: only32(uint32(x))}
}

func all64() Range[int64, uint64] { return Range[int64, uint64]{-1 << 63, 1<<63 - 1, 0, 1<<64 - 1} }

func all32() Range[int32, uint32] { return Range[int32, uint32]{-1 << 31, 1<<31 - 1, 0, 1<<32 - 1} }

func only32(x uint32) Range[int32, uint32] { return Range[int32, uint32]{int32(x), int32(x), x, x} }

// narrow takes bounds from known bits: the least word has all open bits 0 but
// the sign, the greatest all 1 but the sign. value and mask have the width of
// the range.
func narrow[S int32 | int64, U uint32 | uint64](r Range[S, U], value, mask, sign U) Range[S, U] {
	r.SMin = max(r.SMin, S(value|mask&sign))
	r.SMax = min(r.SMax, S(value|mask&^sign))
	r.UMin = max(r.UMin, value)
	r.UMax = min(r.UMax, value|mask)
	return r
}

// fromBits narrows all bounds by the bits.
func (r Reg) fromBits() Reg {
	r.Low = narrow(r.Low, uint32(r.Bits.Value), uint32(r.Bits.Mask), 1<<31)
	r.Full = narrow(r.Full, r.Bits.Value, r.Bits.Mask, 1<<63)
	return r
}

// exchange passes bounds between signed and unsigned where all words have the
// same sign.
func exchange[S int32 | int64, U uint32 | uint64](r Range[S, U]) Range[S, U] {
	switch {
	case r.SMin >= 0 || r.SMax < 0:
		r.UMin = max(U(r.SMin), r.UMin)
		r.UMax = min(U(r.SMax), r.UMax)
		r.SMin, r.SMax = S(r.UMin), S(r.UMax)
	case S(r.UMax) >= 0: // no word is negative
		r.SMin = S(r.UMin)
		r.UMax = min(U(r.SMax), r.UMax)
		r.SMax = S(r.UMax)
	case S(r.UMin) < 0: // all words are
		r.UMin = max(U(r.SMin), r.UMin)
		r.SMin = S(r.UMin)
		r.SMax = S(r.UMax)
	}
	return r
}

// agree passes bounds between signed and unsigned, in both widths.
func (r Reg) agree() Reg {
	r.Low, r.Full = exchange(r.Low), exchange(r.Full)
	return r
}

// toBits adds to the bits what the unsigned bounds say.
func (r Reg) toBits() Reg {
	l := meet(r.Bits.lowHalf(), between(uint64(r.Low.UMin), uint64(r.Low.UMax)))
	r.Bits = or(meet(r.Bits, between(r.Full.UMin, r.Full.UMax)).highHalf(), l)
	return r
}

// Sync carries knowledge between the views, as every arithmetic operation does
// at its end.
func Sync(r Reg) Reg { return r.fromBits().agree().toBits() }

// String prints the five views.
func (r Reg) String() string {
	return fmt.Sprintf("{bits %#x/%#x s64 [%d,%d] u64 [%#x,%#x] s32 [%d,%d] u32 [%#x,%#x]}",
		r.Bits.Value, r.Bits.Mask, r.Full.SMin, r.Full.SMax, r.Full.UMin, r.Full.UMax, r.Low.SMin, r.Low.SMax, r.Low.UMin, r.Low.UMax)
}
