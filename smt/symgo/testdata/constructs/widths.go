package constructs

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~uintptr
}

func arith[T integer](x, y T) [9]T {
	return [9]T{x + y, x - y, x * y, x & y, x | y, x ^ y, x &^ y, -x, ^x}
}

func divide[T integer](x, y T) [2]T { return [2]T{x / y, x % y} }

func order[T integer](x, y T) [6]bool { return [6]bool{x == y, x != y, x < y, x <= y, x > y, x >= y} }

func whole[T integer](x, y T) ([9]T, [6]bool, [2]T) {
	return arith(x, y), order(x, y), [2]T{min(x, y), max(x, y)}
}

func convert[T integer](x T) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return int8(x), int16(x), int32(x), int64(x), int(x), uint8(x), uint16(x), uint32(x), uint64(x), uint(x), uintptr(x)
}

func both[T, N integer](x T, n N) [2]uint64 { return [2]uint64{uint64(x << n), uint64(x >> n)} }

// Words has a word of every integer type.
type Words struct {
	A int8
	B int16
	C int32
	D int64
	E int
	F uint8
	G uint16
	H uint32
	I uint64
	J uint
	K uintptr
}

func shifts[N integer](x Words, n N) [11][2]uint64 {
	return [11][2]uint64{both(x.A, n), both(x.B, n), both(x.C, n), both(x.D, n), both(x.E, n), both(x.F, n), both(x.G, n), both(x.H, n),
		both(x.I, n), both(x.J, n), both(x.K, n)}
}

func WholeInt8(x, y int8) ([9]int8, [6]bool, [2]int8) { return whole(x, y) }
func DivideInt8(x, y int8) [2]int8                    { return divide(x, y) }
func ShiftsInt8(x Words, n int8) [11][2]uint64        { return shifts(x, n) }
func ConvertInt8(x int8) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeInt16(x, y int16) ([9]int16, [6]bool, [2]int16) { return whole(x, y) }
func DivideInt16(x, y int16) [2]int16                     { return divide(x, y) }
func ShiftsInt16(x Words, n int16) [11][2]uint64          { return shifts(x, n) }
func ConvertInt16(x int16) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeInt32(x, y int32) ([9]int32, [6]bool, [2]int32) { return whole(x, y) }
func DivideInt32(x, y int32) [2]int32                     { return divide(x, y) }
func ShiftsInt32(x Words, n int32) [11][2]uint64          { return shifts(x, n) }
func ConvertInt32(x int32) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeInt64(x, y int64) ([9]int64, [6]bool, [2]int64) { return whole(x, y) }
func DivideInt64(x, y int64) [2]int64                     { return divide(x, y) }
func ShiftsInt64(x Words, n int64) [11][2]uint64          { return shifts(x, n) }
func ConvertInt64(x int64) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeInt(x, y int) ([9]int, [6]bool, [2]int) { return whole(x, y) }
func DivideInt(x, y int) [2]int                   { return divide(x, y) }
func ShiftsInt(x Words, n int) [11][2]uint64      { return shifts(x, n) }
func ConvertInt(x int) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUint8(x, y uint8) ([9]uint8, [6]bool, [2]uint8) { return whole(x, y) }
func DivideUint8(x, y uint8) [2]uint8                     { return divide(x, y) }
func ShiftsUint8(x Words, n uint8) [11][2]uint64          { return shifts(x, n) }
func ConvertUint8(x uint8) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUint16(x, y uint16) ([9]uint16, [6]bool, [2]uint16) { return whole(x, y) }
func DivideUint16(x, y uint16) [2]uint16                      { return divide(x, y) }
func ShiftsUint16(x Words, n uint16) [11][2]uint64            { return shifts(x, n) }
func ConvertUint16(x uint16) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUint32(x, y uint32) ([9]uint32, [6]bool, [2]uint32) { return whole(x, y) }
func DivideUint32(x, y uint32) [2]uint32                      { return divide(x, y) }
func ShiftsUint32(x Words, n uint32) [11][2]uint64            { return shifts(x, n) }
func ConvertUint32(x uint32) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUint64(x, y uint64) ([9]uint64, [6]bool, [2]uint64) { return whole(x, y) }
func DivideUint64(x, y uint64) [2]uint64                      { return divide(x, y) }
func ShiftsUint64(x Words, n uint64) [11][2]uint64            { return shifts(x, n) }
func ConvertUint64(x uint64) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUint(x, y uint) ([9]uint, [6]bool, [2]uint) { return whole(x, y) }
func DivideUint(x, y uint) [2]uint                    { return divide(x, y) }
func ShiftsUint(x Words, n uint) [11][2]uint64        { return shifts(x, n) }
func ConvertUint(x uint) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}

func WholeUintptr(x, y uintptr) ([9]uintptr, [6]bool, [2]uintptr) { return whole(x, y) }
func DivideUintptr(x, y uintptr) [2]uintptr                       { return divide(x, y) }
func ShiftsUintptr(x Words, n uintptr) [11][2]uint64              { return shifts(x, n) }
func ConvertUintptr(x uintptr) (int8, int16, int32, int64, int, uint8, uint16, uint32, uint64, uint, uintptr) {
	return convert(x)
}
