package abi

import "github.com/bpfproof/bpfproof/ir"

// funcBase marks references to functions: no address of this machine has these
// upper bits.
const funcBase = 0xfbfb << 48

// FuncRef returns what a reference to the function at pc (ir.PseudoFunc) loads
// where functions have no addresses.
func FuncRef(pc ir.PC) uint64 { return funcBase | uint64(uint32(pc)) }

// FuncOf returns the function that a register refers to; ok is false for a
// number that FuncRef does not return.
func FuncOf(ref uint64) (pc ir.PC, ok bool) {
	return ir.PC(uint32(ref)), ref&^0x7fffffff == funcBase
}
