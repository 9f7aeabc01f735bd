package constructs

import "math/bits"

func Arith8(x, y int8) (int8, int8, int8, int8, int8)          { return x + y, x - y, x * y, -x, ^x }
func ArithU16(x, y uint16) (a, b, c, d uint16)                 { return x + y, x - y, x * y, -x }
func Logic32(x, y uint32) (a, b, c, d uint32)                  { return x & y, x | y, x ^ y, x &^ y }
func DivS8(x, y int8) (int8, int8)                             { return x / y, x % y }
func DivU8(x, y uint8) (uint8, uint8)                          { return x / y, x % y }
func DivS64(x, y int64) (int64, int64)                         { return x / y, x % y }
func DivU64(x, y uint64) (uint64, uint64)                      { return x / y, x % y }
func Shifts8(x int8, u uint8, n uint8) (a, b int8, c, d uint8) { return x << n, x >> n, u << n, u >> n }
func ShiftsWide(x int8, u uint16, n uint64) (a, b int8, c, d uint16) {
	return x << n, x >> n, u << n, u >> n
}
func ShiftsNarrow(x int64, u uint64, n uint8) (a, b int64, c, d uint64) {
	return x << n, x >> n, u << n, u >> n
}
func ShiftsSigned(x int32, n int) (int32, int32) { return x << n, x >> n }
func ShiftsSigned8(x int64, n int8) int64        { return x >> n }

func Convert(x int64, u uint64) (int8, uint8, int32, uint32, uint64, int64, int16, uint16) {
	return int8(x), uint8(x), int32(u), uint32(x), uint64(x), int64(u), int16(u), uint16(u)
}
func Widen(a int8, b uint8, c int32, d uint32) (int64, uint64, int64, uint64, uint32, int32, int, uint) {
	return int64(a), uint64(b), int64(c), uint64(d), uint32(a), int32(b), int(a), uint(c)
}
func Compare(x, y int8, u, v uint8) (a, b, c, d, e, f, g, h bool) {
	return x < y, x <= y, x > y, x >= y, u < v, u <= v, u > v, u >= v
}
func Equal(x, y int8) (bool, bool) { return x == y, x != y }
func MinMax(x, y int8, u, v uint8) (int8, int8, uint8, uint8) {
	return min(x, y, 3), max(x, y, -3), min(u, v), max(u, v)
}
func Bools(a, b, c bool) (bool, bool, bool, bool) { return a && b || c, a || b && !c, a == b, a != b }

func Leading(a uint8, b uint16, c uint32, d uint64, e uint) (int, int, int, int, int) {
	return bits.LeadingZeros8(a), bits.LeadingZeros16(b), bits.LeadingZeros32(c), bits.LeadingZeros64(d), bits.LeadingZeros(e)
}
func Trailing(a uint8, b uint16, c uint32, d uint64, e uint) (int, int, int, int, int) {
	return bits.TrailingZeros8(a), bits.TrailingZeros16(b), bits.TrailingZeros32(c), bits.TrailingZeros64(d), bits.TrailingZeros(e)
}
func Lens(a uint8, b uint16, c uint32, d uint64, e uint) (int, int, int, int, int) {
	return bits.Len8(a), bits.Len16(b), bits.Len32(c), bits.Len64(d), bits.Len(e)
}
func Ones(a uint8, b uint16, c uint32, d uint64, e uint) (int, int, int, int, int) {
	return bits.OnesCount8(a), bits.OnesCount16(b), bits.OnesCount32(c), bits.OnesCount64(d), bits.OnesCount(e)
}
func Reverse(a uint8, b uint16, c uint32, d uint64) (uint8, uint16, uint32, uint64) {
	return bits.Reverse8(a), bits.Reverse16(b), bits.Reverse32(c), bits.Reverse64(d)
}
func ReverseBytes(b uint16, c uint32, d uint64) (uint16, uint32, uint64) {
	return bits.ReverseBytes16(b), bits.ReverseBytes32(c), bits.ReverseBytes64(d)
}
func Rotate(a uint8, b uint16, c uint32, d uint64, k int) (uint8, uint16, uint32, uint64) {
	return bits.RotateLeft8(a, k), bits.RotateLeft16(b, k), bits.RotateLeft32(c, k), bits.RotateLeft64(d, k)
}
func Add(x, y uint64, c uint64, u, v uint32) (uint64, uint64, uint32, uint32) {
	s, o := bits.Add64(x, y, c&1)
	t, p := bits.Add32(u, v, uint32(c)&1)
	return s, o, t, p
}
func Sub(x, y uint64, c uint64, u, v uint32) (uint64, uint64, uint32, uint32) {
	s, o := bits.Sub64(x, y, c&1)
	t, p := bits.Sub32(u, v, uint32(c)&1)
	return s, o, t, p
}
func Mul(x, y uint64, u, v uint32) (uint64, uint64, uint32, uint32) {
	s, o := bits.Mul64(x, y)
	t, p := bits.Mul32(u, v)
	return s, o, t, p
}
