package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// homes holds the machine register of each eBPF register.
var homes = [ir.NumRegs]enc.Reg{enc.RAX, enc.RDI, enc.RSI, enc.RDX, enc.RCX, enc.R8, enc.RBX, enc.R13, enc.R14, enc.R15, enc.RBP}

// The scratch registers, the one that counts backward jumps down, and the one
// that points to the environment.
const (
	scratch0 = enc.R11
	scratch1 = enc.R10
	budget   = enc.R9
	env      = enc.R12
)

func home(r ir.Reg) enc.Reg { return homes[r] }

// registersHome says for every function where the eBPF registers are.
var registersHome = func() (regs [ir.NumRegs]uint8) {
	for r := range regs {
		regs[r] = uint8(homes[r])
	}
	return regs
}()

// newFrame describes the frame of a function: it saves those homes of r6-r9
// that it writes, and rbp where it uses r10, which then gets its stack. The
// count of may_goto lies at the stack's top, where r10 points.
func newFrame(insns []ir.Insn) jit.Frame {
	var written [ir.NumRegs + 5]bool // a malformed register field is at most 15
	stack, counts := false, false
	for i := range insns {
		in := &insns[i]
		row := in.Row()
		if row.Uses&ir.UseDst != 0 {
			written[in.Dst&15] = true
		}
		if row.Kind == ir.KindAtomic && row.Fetch {
			written[in.Src&15] = true
		}
		stack = stack || in.Dst == ir.FP || in.Src == ir.FP
		counts = counts || row.Kind == ir.KindMayGoto
	}
	f := jit.Frame{Regs: registersHome}
	if stack || counts {
		f.Saved, f.Stack = append(f.Saved, uint8(enc.RBP)), ir.StackSize
	}
	for r := ir.R6; r <= ir.R9; r++ {
		if written[r] {
			f.Saved = append(f.Saved, uint8(home(r)))
		}
	}
	f.Size = int32(8*len(f.Saved)) + f.Stack
	if counts {
		f.Count = -int32(8 * (len(f.Saved) + 1))
		f.Size += 8
	}
	return f
}

// prologue saves registers and sets up the eBPF stack below them.
func (c *compiler) prologue() {
	t := c.asm.Text
	for _, r := range c.frame.Saved {
		t = enc.Push(t, enc.Reg(r))
	}
	if c.frame.Count != 0 {
		t = enc.PushI(t, abi.MayGotoLimit)
	}
	if c.frame.Stack > 0 {
		t = enc.MovRR(t, enc.S64, enc.RBP, enc.RSP)
		t = enc.RI(t, enc.SUB, enc.S64, enc.RSP, c.frame.Stack)
	}
	c.asm.Text = t
}

// unwind undoes the prologue.
func (c *compiler) unwind() {
	t := c.asm.Text
	if n := c.frame.Size - int32(8*len(c.frame.Saved)); n > 0 {
		t = enc.RI(t, enc.ADD, enc.S64, enc.RSP, n)
	}
	for i := len(c.frame.Saved) - 1; i >= 0; i-- {
		t = enc.Pop(t, enc.Reg(c.frame.Saved[i]))
	}
	c.asm.Text = t
}

// epilogue undoes the prologue and returns; r0 is in rax already.
func (c *compiler) epilogue() {
	c.unwind()
	c.asm.Text = enc.Ret(c.asm.Text)
}
