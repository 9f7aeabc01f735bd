package amd64

import (
	"math"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// Kinds of branches: a condition, or one of these.
const (
	always uint8 = 0x10
	callTo uint8 = 0x11
)

// brancher encodes the branches that the assembler lays out.
type brancher struct{}

// A jump of two bytes holds a displacement of 8 bits from its end.
const (
	shortMin = math.MinInt8 + enc.JccShort
	shortMax = math.MaxInt8 + enc.JccShort
)

// BranchForm returns the forms of a branch; a call has a long one only.
func (brancher) BranchForm(kind uint8) jit.BranchForm {
	switch kind {
	case callTo:
		return jit.BranchForm{Long: enc.CallLong, Short: enc.CallLong, Lo: 1, Hi: 0}
	case always:
		return jit.BranchForm{Long: enc.JmpLong, Short: enc.JmpShort, Lo: shortMin, Hi: shortMax}
	}
	return jit.BranchForm{Long: enc.JccLong, Short: enc.JccShort, Lo: shortMin, Hi: shortMax}
}

// AppendBranch appends a branch; the machine counts displacements from its end.
func (brancher) AppendBranch(t []byte, kind uint8, short bool, disp int32) []byte {
	switch {
	case kind == callTo:
		return enc.Call(t, disp-enc.CallLong)
	case kind == always && short:
		return enc.Jmp8(t, int8(disp-enc.JmpShort))
	case kind == always:
		return enc.Jmp32(t, disp-enc.JmpLong)
	case short:
		return enc.Jcc8(t, enc.Cond(kind), int8(disp-enc.JccShort))
	}
	return enc.Jcc32(t, enc.Cond(kind), disp-enc.JccLong)
}

// AppendPadding appends n bytes of nops, as few as can be.
func (brancher) AppendPadding(t []byte, n int) []byte {
	for ; n > 0; n -= min(n, enc.MaxNop) {
		t = enc.NopN(t, min(n, enc.MaxNop))
	}
	return t
}

// skip appends a short forward jump within one instruction's code and returns
// its end, to be handed to land.
func (c *compiler) skip(cond enc.Cond) int {
	c.asm.Text = enc.Jcc8(c.asm.Text, cond, 0)
	return len(c.asm.Text)
}

func (c *compiler) skipAlways() int {
	c.asm.Text = enc.Jmp8(c.asm.Text, 0)
	return len(c.asm.Text)
}

// land lets the jump that ends at from lead here. No code of one instruction
// is longer than 127 bytes, and no laid-out branch lies between.
func (c *compiler) land(from int) { c.asm.Text[from-1] = byte(len(c.asm.Text) - from) }

// jump lowers goto and gotol.
func (c *compiler) jump(pc ir.PC, in ir.Insn) {
	target, _ := in.Target(pc)
	if target <= pc && !slices.Contains(c.bounded, pc) {
		c.backward(target)
		return
	}
	c.asm.Branch(always, jit.Label(target))
}

// backward appends a jump to a PC that is not ahead, with the poll of the
// contract: a program that loops gives its caller a say now and then.
func (c *compiler) backward(target ir.PC) {
	c.asm.Text = enc.RI(c.asm.Text, enc.SUB, enc.S64, budget, 1)
	c.asm.Branch(uint8(enc.AE), jit.Label(target))
	c.asm.Text = enc.CallM(c.asm.Text, enc.Mem{Base: env, Disp: jit.EnvPoll})
	c.asm.Branch(always, jit.Label(target))
}

// poll is a call of the poll exit behind the function's code: from there, back
// to there.
type poll struct{ at, back jit.Label }

// count counts the budget down before a conditional jump backward. The poll is
// out of the way, so that the jump itself leads straight to its target.
func (c *compiler) count() {
	p := poll{c.asm.NewLabel(), c.asm.NewLabel()}
	c.asm.Text = enc.RI(c.asm.Text, enc.SUB, enc.S64, budget, 1)
	c.asm.Branch(uint8(enc.B), p.at)
	c.asm.Bind(p.back)
	c.polls = append(c.polls, p)
}

// pollsBehind appends the function's polls.
func (c *compiler) pollsBehind() {
	for _, p := range c.polls {
		c.asm.Bind(p.at)
		c.asm.Text = enc.CallM(c.asm.Text, enc.Mem{Base: env, Disp: jit.EnvPoll})
		c.asm.Branch(always, p.back)
	}
	c.polls = c.polls[:0]
}

// mayGoto lowers may_goto: a jump once the function's count is used up,
// otherwise the count goes down by 1. The count lies where r10 points.
func (c *compiler) mayGoto(pc ir.PC, in ir.Insn) {
	target, _ := in.Target(pc)
	count := enc.Mem{Base: enc.RBP}
	if target <= pc {
		c.count()
	}
	c.asm.Text = enc.MI8(c.asm.Text, enc.CMP, enc.S64, count, 0)
	c.asm.Branch(uint8(enc.E), jit.Label(target))
	c.asm.Text = enc.MI8(c.asm.Text, enc.SUB, enc.S64, count, 1)
}

var conditions = [...]enc.Cond{ir.JEQ: enc.E, ir.JNE: enc.NE, ir.JGT: enc.A, ir.JGE: enc.AE, ir.JLT: enc.B, ir.JLE: enc.BE,
	ir.JSET: enc.NE, ir.JSGT: enc.G, ir.JSGE: enc.GE, ir.JSLT: enc.L, ir.JSLE: enc.LE}

// branch lowers the conditional jumps.
func (c *compiler) branch(pc ir.PC, in ir.Insn, row *ir.Row) {
	target, _ := in.Target(pc)
	if target <= pc && !slices.Contains(c.bounded, pc) {
		c.count()
	}
	c.compare(in, row)
	c.asm.Branch(uint8(conditions[row.Cmp]), jit.Label(target))
}

func (c *compiler) compare(in ir.Insn, row *ir.Row) {
	dst, src, s, imm := home(in.Dst), home(in.Src), size(row.Width), int32(in.Imm)
	k := row.Src == ir.K
	if k && imm != 0 && c.blinded(in.Imm) {
		src, k = scratch0, false
	}
	t := c.asm.Text
	switch {
	case row.Cmp == ir.JSET && k:
		t = enc.TestRI(t, s, dst, imm)
	case row.Cmp == ir.JSET:
		t = enc.TestRR(t, s, dst, src)
	case k && imm == 0:
		t = enc.TestRR(t, s, dst, dst) // the flags of a comparison with 0
	case k:
		t = enc.RI(t, enc.CMP, s, dst, imm)
	default:
		t = enc.RR(t, enc.CMP, s, dst, src)
	}
	c.asm.Text = t
}
