package ir

import "fmt"

// Reg is one of the eleven eBPF registers.
type Reg uint8

// The registers: R0 result, R1-R5 arguments, R6-R9 kept across calls, R10 the
// read-only frame pointer (RFC 9669, section 2).
const (
	R0 Reg = iota
	R1
	R2
	R3
	R4
	R5
	R6
	R7
	R8
	R9
	R10
)

// NumRegs counts the registers a program may name.
const NumRegs = 11

// FP is the frame pointer.
const FP = R10

// String returns "r0" ... "r10".
func (r Reg) String() string { return fmt.Sprintf("r%d", uint8(r)) }

// Valid reports whether r is one of the eleven registers.
func (r Reg) Valid() bool { return r < NumRegs }

// PC is a slot index within a program, counted from 0.
type PC int32

// Width is the number of bits of a word.
type Width uint8

// The widths that instructions work on. Domains also take others (4 in
// exhaustive tests).
const (
	W1  Width = 1
	W8  Width = 8
	W16 Width = 16
	W32 Width = 32
	W64 Width = 64
)

// Mask returns the word of w one bits, for w in 1..64.
func (w Width) Mask() uint64 { return ^uint64(0) >> (64 - w) }

// SignBit returns the word in which only the top bit of width w is set.
func (w Width) SignBit() uint64 { return 1 << (w - 1) }

// Bytes returns the size of a word in bytes, for the widths of memory.
func (w Width) Bytes() int { return int(w) / 8 }

// SignExtend reads the low w bits of x as a two's-complement number.
func (w Width) SignExtend(x uint64) int64 {
	shift := 64 - w
	return int64(x<<shift) >> shift
}

// StackSize is the size of one stack frame in bytes (MAX_BPF_STACK).
const StackSize = 512

// MaxSlots bounds the size of a program in slots (BPF_COMPLEXITY_LIMIT_INSNS).
const MaxSlots = 1_000_000

// Word returns the w-bit word that the first bytes hold, little endian.
func Word(b []byte, w Width) (x uint64) {
	for i := w.Bytes() - 1; i >= 0; i-- {
		x = x<<8 | uint64(b[i])
	}
	return x
}
