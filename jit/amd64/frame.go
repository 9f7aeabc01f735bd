package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// homes holds the machine register of each eBPF register.
var homes = [ir.NumRegs]enc.Reg{enc.RAX, enc.RDI, enc.RSI, enc.RDX, enc.RCX, enc.R8, enc.RBX, enc.R13, enc.R14, enc.R15, enc.RBP}

// The scratch registers, and the one that points to the environment.
const (
	scratch0 = enc.R11
	scratch1 = enc.R10
	scratch2 = enc.R9
	env      = enc.R12
)

func home(r ir.Reg) enc.Reg { return homes[r] }

// newFrame describes the frame of a function: it saves rbp, which it always
// sets, and those homes of r6-r9 that it writes.
func newFrame(insns []ir.Insn) jit.Frame {
	var written [ir.NumRegs + 5]bool // a malformed register field is at most 15
	for _, in := range insns {
		row := in.Row()
		if row.Uses&ir.UseDst != 0 {
			written[in.Dst&15] = true
		}
		if row.Kind == ir.KindAtomic && row.Fetch {
			written[in.Src&15] = true
		}
	}
	f := jit.Frame{Saved: []uint8{uint8(enc.RBP)}}
	for r := range f.Regs {
		f.Regs[r] = uint8(homes[r])
	}
	for r := ir.R6; r <= ir.R9; r++ {
		if written[r] {
			f.Saved = append(f.Saved, uint8(home(r)))
		}
	}
	f.Size = int32(8*len(f.Saved) + ir.StackSize)
	return f
}

// prologue saves registers and sets up the eBPF stack below them.
func (c *compiler) prologue() {
	t := c.asm.Text
	for _, r := range c.frame.Saved {
		t = enc.Push(t, enc.Reg(r))
	}
	t = enc.MovRR(t, enc.S64, enc.RBP, enc.RSP)
	c.asm.Text = enc.RI(t, enc.SUB, enc.S64, enc.RSP, ir.StackSize)
}

// epilogue undoes the prologue and returns; r0 is in rax already.
func (c *compiler) epilogue() {
	t := enc.RI(c.asm.Text, enc.ADD, enc.S64, enc.RSP, ir.StackSize)
	for i := len(c.frame.Saved) - 1; i >= 0; i-- {
		t = enc.Pop(t, enc.Reg(c.frame.Saved[i]))
	}
	c.asm.Text = enc.Ret(t)
}
