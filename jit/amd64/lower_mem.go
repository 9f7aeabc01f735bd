package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// loadImm lowers the 64-bit immediate loads. Addresses that only the runtime
// knows become relocations.
func (c *compiler) loadImm(pc ir.PC, in ir.Insn, row *ir.Row) error {
	m, off, _ := in.Map()
	switch row.Pseudo {
	case ir.PseudoNone:
		c.constant(home(in.Dst), uint64(in.Imm))
	case ir.PseudoMapFD, ir.PseudoMapIdx:
		c.loadReloc(home(in.Dst), jit.Reloc{Kind: jit.RelocMapHandle, Map: m})
	case ir.PseudoMapValue, ir.PseudoMapIdxV:
		c.loadReloc(home(in.Dst), jit.Reloc{Kind: jit.RelocMapValues, Map: m, Addend: uint64(off)})
	case ir.PseudoFunc:
		target, _ := in.Target(pc)
		c.loadReloc(home(in.Dst), jit.Reloc{Kind: jit.RelocFunc, Func: c.p.FuncAt(target)})
	default:
		return &jit.UnsupportedError{PC: pc, Op: in.Op}
	}
	return nil
}

func (c *compiler) loadReloc(dst enc.Reg, r jit.Reloc) {
	c.asm.Text = enc.MovRI64(c.asm.Text, dst, 0)
	c.asm.Reloc(r)
}

func mem(base ir.Reg, off int16) enc.Mem { return enc.Mem{Base: home(base), Disp: int32(off)} }

// load lowers loads and load-acquire: on amd64 every load has acquire order
// (SDM volume 3, section 10.2).
func (c *compiler) load(in ir.Insn, row *ir.Row) {
	m := mem(in.Src, in.Off)
	if row.Signed {
		c.asm.Text = enc.LoadSigned(c.asm.Text, size(row.Width), home(in.Dst), m)
	} else {
		c.asm.Text = enc.Load(c.asm.Text, size(row.Width), home(in.Dst), m)
	}
}

// store lowers stores and store-release: on amd64 every store has release
// order.
func (c *compiler) store(in ir.Insn, row *ir.Row) {
	m := mem(in.Dst, in.Off)
	switch {
	case row.Src != ir.K:
		c.asm.Text = enc.Store(c.asm.Text, size(row.Width), m, home(in.Src))
	case c.blinded(in.Imm):
		c.asm.Text = enc.Store(c.asm.Text, size(row.Width), m, scratch0)
	default:
		c.asm.Text = enc.StoreI(c.asm.Text, size(row.Width), m, int32(in.Imm))
	}
}

// atomicOps are the operations that amd64 has with a lock prefix.
var atomicOps = [...]enc.ALU{ir.AtomicAdd: enc.ADD, ir.AtomicOr: enc.OR, ir.AtomicAnd: enc.AND, ir.AtomicXor: enc.XOR}

// atomic lowers the read-modify-write operations. Their 32-bit machine forms
// zero the upper half of the register that gets the old value, but for
// cmpxchg, which leaves rax alone where the comparison holds.
func (c *compiler) atomic(in ir.Insn, row *ir.Row) {
	m, src, s := mem(in.Dst, in.Off), home(in.Src), size(row.Width)
	switch {
	case row.Atomic == ir.AtomicXchg:
		c.asm.Text = enc.Xchg(c.asm.Text, s, m, src)
	case row.Atomic == ir.AtomicCmpXchg:
		c.asm.Text = enc.LockCmpxchg(c.asm.Text, s, m, src)
		if s == enc.S32 {
			c.asm.Text = enc.MovRR(c.asm.Text, s, enc.RAX, enc.RAX)
		}
	case !row.Fetch:
		c.asm.Text = enc.LockMR(c.asm.Text, atomicOps[row.Atomic], s, m, src)
	case row.Atomic == ir.AtomicAdd:
		c.asm.Text = enc.LockXadd(c.asm.Text, s, m, src)
	default:
		c.fetch(row, m, src)
	}
}

// fetch lowers fetch-or, -and and -xor: no machine instruction gives the old
// value, so compare-and-exchange is repeated until no one came between. It
// needs rax, which is r0: base and operand are taken from a copy where they
// live there, and r0 is restored from it unless it is to get the old value.
func (c *compiler) fetch(row *ir.Row, m enc.Mem, src enc.Reg) {
	s, operand := size(row.Width), src
	t := enc.MovRR(c.asm.Text, enc.S64, scratch0, enc.RAX)
	if src == enc.RAX {
		operand = scratch0
	}
	if m.Base == enc.RAX {
		m.Base = scratch0
	}
	t = enc.Load(t, s, enc.RAX, m)
	loop := len(t)
	t = enc.MovRR(t, enc.S64, scratch1, enc.RAX)
	t = enc.RR(t, atomicOps[row.Atomic], s, scratch1, operand)
	t = enc.LockCmpxchg(t, s, m, scratch1)
	t = enc.Jcc8(t, enc.NE, int8(loop-len(t)-enc.JccShort))
	t = enc.MovRR(t, s, src, enc.RAX)
	if src != enc.RAX {
		t = enc.MovRR(t, enc.S64, enc.RAX, scratch0)
	}
	c.asm.Text = t
}
