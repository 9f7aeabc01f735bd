package mutants

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

const (
	rotateText = "w0 = w2\nw0 <<= 5\nw2 >>= 27\nw0 |= w2\nexit\n"
	joinText   = `
	r0 = *(u8 *)(r1 + 3)
	r2 = *(u8 *)(r1 + 2)
	r2 <<= 8
	r0 |= r2
	r2 = *(u8 *)(r1 + 1)
	r2 <<= 16
	r0 |= r2
	r2 = *(u8 *)(r1 + 0)
	r2 <<= 24
	r0 |= r2
	exit
`
	wideDivisionText = "r0 = *(u64 *)(r1 + 0)\nr0 /= 10\nexit\n"
	inPlaceText      = "r0 = *(u64 *)(r1 + 0)\nr0 += r2\n*(u64 *)(r1 + 0) = r0\nr0 = 0\nexit\n"
	selectText       = "r0 = r2\nif r1 s> 7 goto out\nr0 = r3\nout:\nexit\n"
	swapText         = `
	r0 = 0
again:
	r3 = r1
	r1 = r2
	r2 = r3
	r0 += r1
	if r0 < 99 goto again
	exit
`
)

// optimised are the bugs of the optimising tier: each is one that a pass of
// package opt, or the code written from its values, could have.
var optimised = []Mutant{
	{Name: "rotation-amount", Bug: "a rotation is one bit off", Text: rotateText, Tier: jit.Optimising, edit: rotation},
	{Name: "joined-load-order", Bug: "bytes put together in network order are not reversed", Text: joinText, Tier: jit.Optimising, edit: either(without(x86asm.BSWAP), swappedLoad(0x8b, 0x07, 0x90, 0x90))},
	{Name: "joined-load-base", Bug: "a joined load takes its address from r2", Text: joinText, Tier: jit.Optimising,
		edit: either(instead([]byte{0x8b, 0x07}, []byte{0x8b, 0x06}), swappedLoad(0x0f, 0x38, 0xf0, 0x06))},
	{Name: "joined-load-adds", Bug: "a joined load is added to what its register held", Text: joinText, Tier: jit.Optimising, edit: either(addLoad, swappedLoad(0x03, 0x07, 0x0f, 0xc8))},
	{Name: "division-multiplier", Bug: "the multiplier of a division by 10 is one too great", Tier: jit.Optimising,
		Text: "w0 = w1\nw0 /= 10\nexit\n", edit: multiplier},
	{Name: "wide-division-multiplier", Bug: "the multiplier of a division of 64 bits by 10 is too great", Text: wideDivisionText, edit: multiplier},
	{Name: "wide-division-shift", Bug: "the product of a division of 64 bits is shifted by one bit too many", Text: wideDivisionText,
		edit: instead([]byte{0x48, 0xc1, 0xea, 0x02}, []byte{0x48, 0xc1, 0xea, 0x03})},
	{Name: "wide-division-half", Bug: "the lower half of the product of a division is taken for the upper one", Text: wideDivisionText,
		edit: instead([]byte{0x48, 0xc1, 0xea, 0x02}, []byte{0x48, 0xc1, 0xe8, 0x02})},
	{Name: "address-scale", Bug: "an index is scaled by twice as much", Tier: jit.Optimising,
		Text: "r2 <<= 2\nr1 += r2\nr0 = *(u32 *)(r1 + 8)\nexit\n", edit: scale},
	{Name: "stack-slot-overlap", Bug: "two words on the stack share a byte", Tier: jit.Optimising,
		Text: "*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 8) = r2\nr0 = *(u64 *)(r10 - 16)\nexit\n", edit: displace},
	{Name: "in-place-operation", Bug: "a word in memory is subtracted from, not added to", Text: inPlaceText, Tier: jit.Optimising,
		edit: instead([]byte{0x48, 0x01, 0x37}, []byte{0x48, 0x29, 0x37})},
	{Name: "in-place-half", Bug: "half of a word in memory is changed", Text: inPlaceText, Tier: jit.Optimising,
		edit: instead([]byte{0x48, 0x01, 0x37}, []byte{0x90, 0x01, 0x37})},
	{Name: "memory-operand-copied-late", Bug: "an operand from memory is read through a register that was overwritten before", Tier: jit.Optimising,
		Text: "r2 = *(u64 *)(r1 + 0)\nr0 = r3\nr0 += r2\nr1 = r0\nr0 += r3\nexit\n", edit: throughResult},
	{Name: "compared-byte-as-word", Bug: "a comparison with a byte in memory reads four", Tier: jit.Optimising,
		Text: "r0 = 1\nr2 = *(u8 *)(r1 + 0)\nif r2 == 5 goto out\nr0 = *(u8 *)(r1 + 1)\nout:\nexit\n",
		edit: instead([]byte{0x80, 0x3f, 0x05}, []byte{0x83, 0x3f, 0x05})},
	{Name: "select-inverted", Bug: "a choice takes the other value", Text: selectText, Tier: jit.Optimising, edit: otherChoice},
	{Name: "select-half", Bug: "a choice moves the lower half of a word", Text: selectText, Tier: jit.Optimising, edit: halfChoice},
	{Name: "zero-extension-taken-out", Bug: "a zero-extension of a word with an upper half copies it", Tier: jit.Optimising,
		Text: "w0 = w5\nexit\n", edit: widen(x86asm.MOV)},
	{Name: "shift-extends-byte", Bug: "two shifts that keep 16 bits become an extension of 8", Tier: jit.Optimising,
		Text: "r0 = r2\nr0 <<= 48\nr0 >>= 48\nexit\n", edit: opcode(x86asm.MOVZX, 0xb7, 0xb6)},
	{Name: "move-home-missing", Bug: "one move of an exchange at the end of a block is missing", Text: swapText, Tier: jit.Optimising, edit: noScratchMove},
	{Name: "branch-not-turned", Bug: "a branch whose target was moved behind it keeps its condition", Tier: jit.Optimising,
		Text: "r0 = 1\nif r1 != 5 goto out\nr0 = *(u8 *)(r10 - 1)\nout:\nr0 += 1\nexit\n", edit: either(condition(condE, condNE), condition(condNE, condE))},
	{Name: "threaded-branch-not-turned", Bug: "a branch that was joined with the goto behind it keeps its condition", Tier: jit.Optimising,
		Text: "r0 = 0\nagain:\nr0 += 1\nif r0 == 9 goto out\ngoto again\nout:\nexit\n", edit: either(condition(condE, condNE), condition(condNE, condE))},
	{Name: "dead-hint-lies", Bug: "a hint says that a live register is dead", Text: loopText, Tier: jit.Optimising, Table: true, table: claim(jit.HintDead)},
	{Name: "upper-hint-lies", Bug: "a hint says that a register has no upper half, but it has", Tier: jit.Optimising,
		Text: "r0 = r1\nagain:\nr0 += r2\nif r0 < 40 goto again\nexit\n", Table: true, table: claim(jit.HintUpper)},
	{Name: "uncounted-loop", Bug: "a loop's only jump backward is listed as uncounted, and does not count", Tier: jit.Optimising,
		Text: loopText, Table: true, table: uncounted(2)},
	{Name: "uncounted-loop-misses-its-end", Bug: "a loop whose register never holds the constant that ends it is listed as uncounted", Tier: jit.Optimising,
		Text: "r0 = 0\nagain:\nr0 += 3\nif r0 != 40 goto again\nexit\n", Table: true, table: uncounted(2)},
	{Name: "uncounted-loop-around-a-short-one", Bug: "a loop is listed as uncounted because the short one in it ends", Tier: jit.Optimising,
		Text: "r3 = 0\nouter:\nr0 = 0\nagain:\nr0 += 1\nif r0 != 9 goto again\nr3 += r2\nif r3 < 90 goto outer\nexit\n", Table: true, table: uncounted(5)},
	{Name: "uncounted-loop-entered-elsewhere", Bug: "a loop that is entered with any number in its register is listed as uncounted", Tier: jit.Optimising,
		Text: "r0 = r2\nagain:\nr0 += 1\nif r0 != 40 goto again\nexit\n", Table: true, table: uncounted(2)},
}

// rotation changes the amount of a rotation by one.
func rotation(in x86asm.Inst, b []byte) bool {
	if in.Op != x86asm.ROL && in.Op != x86asm.RORX {
		return false
	}
	b[len(b)-1] ^= 1
	return true
}

// without replaces instructions of an operation by nops.
func without(op x86asm.Op) editor {
	return func(in x86asm.Inst, b []byte) bool {
		if in.Op == op {
			fill(b)
		}
		return in.Op == op
	}
}

// swappedLoad puts other instructions for the load of 32 bits through rdi that
// reverses bytes.
func swappedLoad(code ...byte) editor { return instead([]byte{0x0f, 0x38, 0xf0, 0x07}, code) }

// throughResult makes additions of a word in memory take its address from the
// register that they add to.
func throughResult(in x86asm.Inst, b []byte) bool {
	if _, ok := in.Args[1].(x86asm.Mem); in.Op != x86asm.ADD || !ok {
		return false
	}
	b[len(b)-1] = b[len(b)-1]&^7 | b[len(b)-1]>>3&7
	return true
}

// addLoad turns a load of 32 bits through rdi into an addition.
func addLoad(in x86asm.Inst, b []byte) bool {
	m, ok := in.Args[1].(x86asm.Mem)
	if in.Op != x86asm.MOV || !ok || m.Base != x86asm.RDI || b[0] != 0x8b {
		return false
	}
	b[0] = 0x03
	return true
}

// multiplier makes the multiplier of a division by 10 greater.
func multiplier(in x86asm.Inst, b []byte) bool {
	if in.Op != x86asm.MOV || !bytes.Contains(b, []byte{0xcd, 0xcc, 0xcc, 0xcc}) {
		return false
	}
	b[len(b)-4]++
	return true
}

// scale doubles the scale of an index.
func scale(in x86asm.Inst, b []byte) bool {
	for _, a := range in.Args {
		if m, ok := a.(x86asm.Mem); ok && m.Index != 0 && m.Scale == 4 {
			i := len(b) - 2 // before the displacement of one byte
			b[i] ^= 0x40
			return true
		}
	}
	return false
}

func isCmov(b []byte) bool { return len(b) == 4 && b[1] == 0x0f && b[2]&0xf0 == 0x40 }

// otherChoice inverts the condition of a cmov.
func otherChoice(_ x86asm.Inst, b []byte) bool {
	if !isCmov(b) {
		return false
	}
	b[2] ^= 1
	return true
}

// halfChoice makes a cmov one of 32 bits.
func halfChoice(_ x86asm.Inst, b []byte) bool {
	if !isCmov(b) {
		return false
	}
	b[0] &^= rexW
	return true
}

// noScratchMove takes out moves into the scratch register.
func noScratchMove(in x86asm.Inst, b []byte) bool {
	if in.Op != x86asm.MOV || in.Args[0] != x86asm.Arg(x86asm.R11) {
		return false
	}
	fill(b)
	return true
}

// claim adds a hint about r0 at the head of the loop.
func claim(k jit.HintKind) func(*ir.Program, *jit.Code) int {
	return func(_ *ir.Program, c *jit.Code) int {
		c.Hints = append(c.Hints, jit.Hint{PC: 1, Reg: ir.R0, Kind: k})
		return 1
	}
}

// uncounted lists the loop's jump as uncounted and takes the count out.
func uncounted(pc ir.PC) func(*ir.Program, *jit.Code) int {
	return func(_ *ir.Program, c *jit.Code) int {
		count := []byte{0x49, 0x83, 0xe9, 0x01, 0x72} // sub r9, 1; jb
		i := bytes.Index(c.Text, count)
		if i < 0 {
			return 0
		}
		fill(c.Text[i : i+len(count)+1])
		c.Uncounted = append(c.Uncounted, pc)
		return 1
	}
}
