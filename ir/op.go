package ir

import "strconv"

// Kind groups operations that are executed, checked and compiled alike.
type Kind uint8

// The kinds of operations.
const (
	KindInvalid      Kind = iota
	KindPad               // second slot of a 64-bit load: never executed
	KindALU               // dst = dst op (src or imm); Neg and Mov included
	KindSwap              // dst = byte order conversion of dst
	KindCast              // dst = src moved between address spaces
	KindLoadImm           // dst = 64-bit immediate, map, map value, function, BTF variable
	KindLoad              // dst = *(size *)(src + off)
	KindStore             // *(size *)(dst + off) = src or imm
	KindAtomic            // read-modify-write of *(size *)(dst + off)
	KindLoadAcquire       // dst = *(size *)(src + off), acquire order
	KindStoreRelease      // *(size *)(dst + off) = src, release order
	KindLoadPacket        // r0 = packet bytes in host order (LD_ABS, LD_IND)
	KindJump              // goto, gotol
	KindBranch            // if dst cmp (src or imm) goto
	KindMayGoto           // goto once the loop budget is used up
	KindCall              // helper, subprogram, kfunc, register
	KindExit              // return r0
)

// Source tells where the second operand comes from.
type Source uint8

// The sources of a second operand.
const (
	NoSource Source = iota
	K               // the immediate, sign-extended to 64 bits
	X               // the source register
)

// ALUOp is an arithmetic operation, apart from its width.
type ALUOp uint8

// The arithmetic operations (RFC 9669, section 4.1). MovSX* move with sign
// extension from 8, 16 or 32 bits.
const (
	NoALU ALUOp = iota
	Add
	Sub
	Mul
	Div
	SDiv
	Or
	And
	Lsh
	Rsh
	Arsh
	Neg
	Mod
	SMod
	Xor
	Mov
	MovSX8
	MovSX16
	MovSX32
)

var aluNames = [...]string{"none", "add", "sub", "mul", "div", "sdiv", "or", "and", "lsh", "rsh", "arsh", "neg", "mod", "smod", "xor", "mov", "movsx8", "movsx16", "movsx32"}

// String returns the operation's name, such as "add".
func (op ALUOp) String() string { return nameOf(aluNames[:], int(op), "alu") }

// MovSX returns the width a sign-extending move reads, or 0 for any other
// operation.
func (op ALUOp) MovSX() Width {
	switch op {
	case MovSX8:
		return W8
	case MovSX16:
		return W16
	case MovSX32:
		return W32
	}
	return 0
}

// SwapOp is a byte order conversion.
type SwapOp uint8

// The byte order conversions (RFC 9669, section 4.2).
const (
	NoSwap SwapOp = iota
	ToLE          // host to little endian: truncates on this host
	ToBE          // host to big endian: swaps on this host
	BSwap         // always swaps
)

var swapNames = [...]string{"none", "le", "be", "bswap"}

// String returns "le", "be" or "bswap".
func (op SwapOp) String() string { return nameOf(swapNames[:], int(op), "swap") }

// CmpOp is the comparison of a conditional jump.
type CmpOp uint8

// The comparisons (RFC 9669, section 4.3).
const (
	NoCmp CmpOp = iota
	JEQ
	JNE
	JGT
	JGE
	JLT
	JLE
	JSET
	JSGT
	JSGE
	JSLT
	JSLE
)

var cmpNames = [...]string{"none", "jeq", "jne", "jgt", "jge", "jlt", "jle", "jset", "jsgt", "jsge", "jslt", "jsle"}

// String returns the comparison's name, such as "jsgt".
func (op CmpOp) String() string { return nameOf(cmpNames[:], int(op), "cmp") }

// AtomicOp is an atomic read-modify-write operation.
type AtomicOp uint8

// The atomic operations (RFC 9669, section 5.3).
const (
	NoAtomic AtomicOp = iota
	AtomicAdd
	AtomicOr
	AtomicAnd
	AtomicXor
	AtomicXchg    // always fetches
	AtomicCmpXchg // compares with r0 and always leaves the old value there
)

var atomicNames = [...]string{"none", "add", "or", "and", "xor", "xchg", "cmpxchg"}

// String returns the operation's name, such as "xchg".
func (op AtomicOp) String() string { return nameOf(atomicNames[:], int(op), "atomic") }

// Pseudo tells what a 64-bit immediate load or a call refers to; its value is
// the number in the source register field on the wire.
type Pseudo uint8

// What a 64-bit immediate load loads (RFC 9669, section 5.4). In a Program,
// Insn.Imm holds for PseudoMapFD an index into Program.Maps, for
// PseudoMapValue such an index in the low and the offset in the high 32 bits;
// for PseudoFunc the distance to the function, as for a local call.
const (
	PseudoNone     Pseudo = 0 // the number itself
	PseudoMapFD    Pseudo = 1
	PseudoMapValue Pseudo = 2
	PseudoBTFVar   Pseudo = 3
	PseudoFunc     Pseudo = 4
	PseudoMapIdx   Pseudo = 5
	PseudoMapIdxV  Pseudo = 6
)

// What a call calls (RFC 9669, section 4.3.1). CallX takes a register.
const (
	CallHelper Pseudo = 0
	CallLocal  Pseudo = 1
	CallKfunc  Pseudo = 2
	CallX      Pseudo = 3 // our number: on the wire another opcode
)

func nameOf(names []string, i int, what string) string {
	if i < len(names) {
		return names[i]
	}
	return what + "(" + strconv.Itoa(i) + ")"
}
