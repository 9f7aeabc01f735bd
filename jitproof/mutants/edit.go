package mutants

import (
	"bytes"
	"slices"

	"golang.org/x/arch/x86/x86asm"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// rexW is the operand size bit of a REX prefix.
const rexW = 8

// rex returns where the REX prefix of an instruction is, or -1.
func rex(b []byte) int {
	for i, x := range b {
		switch {
		case x == 0x66 || x == 0xf0:
		case x&0xf0 == 0x40:
			return i
		default:
			return -1
		}
	}
	return -1
}

// widen turns 32-bit forms of the operations into 64-bit ones.
func widen(ops ...x86asm.Op) editor {
	return func(in x86asm.Inst, b []byte) bool {
		i := rex(b)
		if i < 0 || b[i]&rexW != 0 || in.DataSize != 32 || !slices.Contains(ops, in.Op) {
			return false
		}
		b[i] |= rexW
		return true
	}
}

// narrow turns 64-bit forms with an immediate into 32-bit ones, so that the
// immediate is no longer sign-extended.
func narrow(ops ...x86asm.Op) editor {
	return func(in x86asm.Inst, b []byte) bool {
		i := rex(b)
		_, imm := in.Args[1].(x86asm.Imm)
		if i < 0 || b[i]&rexW == 0 || !imm || in.Len > 7 || !slices.Contains(ops, in.Op) {
			return false
		}
		b[i] &^= rexW
		return true
	}
}

// erase replaces exactly these instructions by nops.
func erase(codes ...[]byte) editor {
	return func(_ x86asm.Inst, b []byte) bool {
		for _, c := range codes {
			if bytes.Equal(b, c) {
				fill(b)
				return true
			}
		}
		return false
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0x90
	}
}

// instead replaces exactly these bytes by others of the same length.
func instead(old, b2 []byte) editor {
	return func(_ x86asm.Inst, b []byte) bool {
		if !bytes.Equal(b, old) {
			return false
		}
		copy(b, b2)
		return true
	}
}

// condition replaces the condition of conditional jumps.
func condition(from, to byte) editor {
	return func(_ x86asm.Inst, b []byte) bool {
		switch {
		case len(b) == 2 && b[0] == 0x70|from:
			b[0] = 0x70 | to
		case len(b) == 6 && b[0] == 0x0f && b[1] == 0x80|from:
			b[1] = 0x80 | to
		default:
			return false
		}
		return true
	}
}

// either makes the changes of several editors that belong to one bug.
func either(edits ...editor) editor {
	return func(in x86asm.Inst, b []byte) bool {
		for _, e := range edits {
			if e(in, b) {
				return true
			}
		}
		return false
	}
}

// shiftIntoRCX makes rcx the destination of shlx, shrx and sarx.
func shiftIntoRCX(in x86asm.Inst, b []byte) bool {
	if len(b) != 5 || b[0] != 0xc4 {
		return false
	}
	b[1] |= 0x80
	b[4] = b[4]&^0x38 | 1<<3
	return true
}

// always makes short conditional jumps unconditional.
func always(cond byte) editor {
	return func(_ x86asm.Inst, b []byte) bool {
		if len(b) != 2 || b[0] != 0x70|cond {
			return false
		}
		b[0] = 0xeb
		return true
	}
}

// opcode replaces the byte old, behind the REX prefix, in instructions of the
// operation.
func opcode(op x86asm.Op, old, b2 byte) editor {
	return func(in x86asm.Inst, b []byte) bool {
		i := rex(b) + 1
		if in.Op != op || i >= len(b) {
			return false
		}
		if b[i] == 0x0f {
			i++
		}
		if b[i] != old {
			return false
		}
		b[i] = b2
		return true
	}
}

// digit replaces the operation in the ModRM byte of an instruction, which is
// the last byte but behind for an immediate of n bytes.
func digit(op x86asm.Op, behind int, from, to byte) editor {
	return func(in x86asm.Inst, b []byte) bool {
		i := len(b) - 1 - behind
		if in.Op != op || i < 1 || b[i]>>3&7 != from || b[i]>>6 != 3 {
			return false
		}
		b[i] = b[i]&^0x38 | to<<3
		return true
	}
}

// base reports whether the instruction has a memory operand, and its base.
func base(in x86asm.Inst) (x86asm.Reg, bool) {
	for _, a := range in.Args {
		if m, ok := a.(x86asm.Mem); ok {
			return m.Base, true
		}
	}
	return 0, false
}

// displace adds 1 to the 8-bit displacement of loads through the eBPF stack
// pointer.
func displace(in x86asm.Inst, b []byte) bool {
	if r, ok := base(in); !ok || r != x86asm.RBP || in.Op != x86asm.MOV || in.Args[0] == nil {
		return false
	}
	if _, load := in.Args[0].(x86asm.Reg); !load {
		return false
	}
	b[len(b)-1]++
	return true
}

// dropREX stores ah, ch, dh or bh where spl, bpl, sil or dil was meant.
func dropREX(in x86asm.Inst, b []byte) bool {
	if b[0] != 0x40 || b[1] != 0x88 {
		return false
	}
	copy(b, b[1:])
	b[len(b)-1] = 0x90
	return true
}

// unlock replaces the lock prefix by a nop in front.
func unlock(in x86asm.Inst, b []byte) bool {
	if b[0] != 0xf0 {
		return false
	}
	b[0] = 0x90
	return true
}

// helperNumber calls the helper with the next number.
func helperNumber(in x86asm.Inst, b []byte) bool {
	if len(b) != 5 || b[0] != 0xb8 {
		return false
	}
	b[1]++
	return true
}

// helperArgs exchanges the first two arguments: "xchg edi, esi; push n; pop
// rax" has the length of "mov eax, n".
func helperArgs(in x86asm.Inst, b []byte) bool {
	if len(b) != 5 || b[0] != 0xb8 || b[1] > 0x7f {
		return false
	}
	copy(b, []byte{0x87, 0xf7, 0x6a, b[1], 0x58})
	return true
}

// immediate adds to the last immediate byte at distance at from the end, in
// 32-bit comparisons of the scratch register, which only the inlined lookup
// makes, or in other instructions with exactly this beginning.
func immediate(at int, add byte, begin ...byte) editor {
	return func(_ x86asm.Inst, b []byte) bool {
		if len(b) < len(begin)+at || !bytes.Equal(b[:len(begin)], begin) {
			return false
		}
		b[len(b)-at] += add
		return true
	}
}

// relocate changes the relocations of a kind.
func relocate(kind jit.RelocKind, change func(p *ir.Program, r *jit.Reloc)) func(*ir.Program, *jit.Code) int {
	return func(p *ir.Program, c *jit.Code) int {
		n := 0
		for i := range c.Relocs {
			if c.Relocs[i].Kind == kind {
				change(p, &c.Relocs[i])
				n++
			}
		}
		return n
	}
}

// lie makes every hint name another map.
func lie(p *ir.Program, c *jit.Code) int {
	n := 0
	for i := range c.Hints {
		if len(p.Maps) > 1 {
			c.Hints[i].Map = (c.Hints[i].Map + 1) % len(p.Maps)
			n++
		}
	}
	return n
}

// invent claims that r1 holds a map's handle at the program's last instruction.
func invent(p *ir.Program, c *jit.Code) int {
	if len(p.Maps) == 0 {
		return 0
	}
	c.Hints = append(c.Hints, jit.Hint{PC: p.Slots() - 1, Reg: ir.R1})
	return 1
}

// noStack says of every function that it keeps no r10.
func noStack(_ *ir.Program, c *jit.Code) int {
	for i := range c.Funcs {
		c.Funcs[i].Frame.Stack = 0
	}
	return len(c.Funcs)
}

// swapHomes exchanges the homes of r1 and r2 in the frame tables.
func swapHomes(_ *ir.Program, c *jit.Code) int {
	for i := range c.Funcs {
		r := &c.Funcs[i].Frame.Regs
		r[ir.R1], r[ir.R2] = r[ir.R2], r[ir.R1]
	}
	return len(c.Funcs)
}
