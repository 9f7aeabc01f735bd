package vm

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// pureOp names an operation on two words that the main loop has no case for.
type pureOp struct {
	alu   ir.ALUOp
	swap  ir.SwapOp
	width ir.Width
}

// pure holds those operations; pureIndex finds one. Division by zero gives 0,
// a remainder by zero the dividend (RFC 9669, section 4.1).
var (
	pureList = []struct {
		op pureOp
		f  func(x, y uint64) uint64
	}{
		{pureOp{alu: ir.Div, width: ir.W64}, div64},
		{pureOp{alu: ir.Div, width: ir.W32}, func(x, y uint64) uint64 { return div64(uint64(uint32(x)), uint64(uint32(y))) }},
		{pureOp{alu: ir.Mod, width: ir.W64}, mod64},
		{pureOp{alu: ir.Mod, width: ir.W32}, func(x, y uint64) uint64 { return mod64(uint64(uint32(x)), uint64(uint32(y))) }},
		{pureOp{alu: ir.SDiv, width: ir.W64}, func(x, y uint64) uint64 { return sdiv(int64(x), int64(y)) }},
		{pureOp{alu: ir.SDiv, width: ir.W32}, func(x, y uint64) uint64 { return uint64(uint32(sdiv(int64(int32(x)), int64(int32(y))))) }},
		{pureOp{alu: ir.SMod, width: ir.W64}, func(x, y uint64) uint64 { return smod(int64(x), int64(y)) }},
		{pureOp{alu: ir.SMod, width: ir.W32}, func(x, y uint64) uint64 { return uint64(uint32(smod(int64(int32(x)), int64(int32(y))))) }},
		{pureOp{alu: ir.Neg, width: ir.W64}, func(x, _ uint64) uint64 { return -x }},
		{pureOp{alu: ir.Neg, width: ir.W32}, func(x, _ uint64) uint64 { return uint64(uint32(-x)) }},
		{pureOp{alu: ir.MovSX8, width: ir.W64}, func(_, y uint64) uint64 { return uint64(int64(int8(y))) }},
		{pureOp{alu: ir.MovSX16, width: ir.W64}, func(_, y uint64) uint64 { return uint64(int64(int16(y))) }},
		{pureOp{alu: ir.MovSX32, width: ir.W64}, func(_, y uint64) uint64 { return uint64(int64(int32(y))) }},
		{pureOp{alu: ir.MovSX8, width: ir.W32}, func(_, y uint64) uint64 { return uint64(uint32(int32(int8(y)))) }},
		{pureOp{alu: ir.MovSX16, width: ir.W32}, func(_, y uint64) uint64 { return uint64(uint32(int32(int16(y)))) }},
		{pureOp{swap: ir.ToLE, width: ir.W16}, func(x, _ uint64) uint64 { return uint64(uint16(x)) }},
		{pureOp{swap: ir.ToLE, width: ir.W32}, func(x, _ uint64) uint64 { return uint64(uint32(x)) }},
		{pureOp{swap: ir.ToLE, width: ir.W64}, func(x, _ uint64) uint64 { return x }},
		{pureOp{swap: ir.ToBE, width: ir.W16}, swap16},
		{pureOp{swap: ir.ToBE, width: ir.W32}, swap32},
		{pureOp{swap: ir.ToBE, width: ir.W64}, swap64},
		{pureOp{swap: ir.BSwap, width: ir.W16}, swap16},
		{pureOp{swap: ir.BSwap, width: ir.W32}, swap32},
		{pureOp{swap: ir.BSwap, width: ir.W64}, swap64},
	}
	pure      = buildPure()
	pureIndex = indexPure()
)

func buildPure() []func(x, y uint64) uint64 {
	fs := make([]func(x, y uint64) uint64, len(pureList))
	for i, p := range pureList {
		fs[i] = p.f
	}
	return fs
}

func indexPure() map[pureOp]int32 {
	index := make(map[pureOp]int32, len(pureList))
	for i, p := range pureList {
		index[p.op] = int32(i)
	}
	return index
}

func div64(x, y uint64) uint64 {
	if y == 0 {
		return 0
	}
	return x / y
}

func mod64(x, y uint64) uint64 {
	if y == 0 {
		return x
	}
	return x % y
}

// sdiv and smod round towards zero; Go defines the least number divided by -1
// as itself, with remainder 0.
func sdiv(x, y int64) uint64 {
	if y == 0 {
		return 0
	}
	return uint64(x / y)
}

func smod(x, y int64) uint64 {
	if y == 0 {
		return uint64(x)
	}
	return uint64(x % y)
}

func swap16(x, _ uint64) uint64 { return uint64(bits.ReverseBytes16(uint16(x))) }
func swap32(x, _ uint64) uint64 { return uint64(bits.ReverseBytes32(uint32(x))) }
func swap64(x, _ uint64) uint64 { return bits.ReverseBytes64(x) }
