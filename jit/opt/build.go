package opt

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
)

// builder turns instructions into values.
type builder struct {
	*Code
	p     *ir.Program
	cur   [ir.NumRegs]ID // what each register holds
	blind bool
}

// blinded puts a constant of its own for an immediate.
func (b *builder) blinded(x *ID, imm *int64, pc ir.PC) {
	if b.blind {
		*x = b.add(Value{Op: Const, W: ir.W64, A: None, B: None, Imm: *imm, Reg: ir.FP, PC: pc})
		*imm = 0
	}
}

// Build returns the values of a segment that does not stand alone, as they are
// in the bytecode: one for each instruction. They last until the next segment is
// built.
func (f *Plan) Build(s *Segment) *Code {
	c := &Code{Segment: s, swaps: f.cfg.Swaps, A: None, B: None, Values: f.buffer[:0]}
	b := &builder{Code: c, p: f.p, blind: f.cfg.Blind}
	for r := range b.cur {
		b.cur[r] = None
		c.Final[r] = None
	}
	last := f.last(s)
	c.PC = last
	var taken [ir.NumRegs]ID
	for pc := s.Start; pc <= s.End; pc++ {
		begins, ends := s.skipAt(pc)
		if ends {
			b.choose(taken)
		}
		if pc == s.End || pc > last && s.After != s.End {
			break
		}
		if begins {
			b.readSkipped(pc)
			taken = b.cur
		}
		if in := f.p.Insns[pc]; in.Op != ir.OpPad {
			b.insn(pc, in)
		}
	}
	c.Counts = f.Counts[last]
	for r := ir.R0; r < ir.FP; r++ {
		if s.Out.Has(r) || c.End == Exits && r == ir.R0 {
			c.Final[r] = b.read(r)
		}
	}
	n := len(c.Values)
	if f.buffer = c.Values; cap(f.alias) < n {
		f.alias, f.counts = make([]ID, 2*n), make([]int32, 2*n)
	}
	c.alias, c.counts = f.alias[:n], f.counts[:n]
	for i := range c.alias {
		c.alias[i] = None
	}
	return c
}

// choose makes of the branch over the instructions before a choice for every
// register that they write: taken is what registers hold where it is taken.
func (b *builder) choose(taken [ir.NumRegs]ID) {
	for r := ir.R0; r < ir.FP; r++ {
		if b.cur[r] == taken[r] || taken[r] == None {
			continue // None: the skipped instructions have but read it
		}
		b.cur[r] = b.add(Value{Op: Select, W: b.W, A: b.A, B: b.B, Imm: b.Imm, Cmp: b.Cmp, X: taken[r], Y: b.cur[r], Reg: r,
			PC: b.Values[len(b.Values)-1].PC})
	}
	b.Code.End, b.A, b.B, b.Imm = Falls, None, None, 0
}

// readSkipped reads the registers that the instructions from pc on write which
// are skipped.
func (b *builder) readSkipped(pc ir.PC) {
	for _, k := range b.Skips {
		for at := k.From; k.From == pc && at < k.To; at++ {
			if r, ok := b.p.Insns[at].Writes(); ok {
				b.read(r)
			}
		}
	}
}

func (b *builder) add(v Value) ID {
	b.Values = append(b.Values, v)
	return ID(len(b.Values) - 1)
}

// read returns what a register holds.
func (b *builder) read(r ir.Reg) ID {
	if b.cur[r] == None {
		v := Value{Op: Entry, W: ir.W64, A: None, B: None, Reg: r, PC: b.Start}
		if r == ir.FP {
			v.Op = FP
		}
		b.cur[r] = b.add(v)
	}
	return b.cur[r]
}

var aluOps = [...]Op{ir.Add: Add, ir.Sub: Sub, ir.Mul: Mul, ir.Or: Or, ir.And: And, ir.Xor: Xor, ir.Lsh: Shl, ir.Rsh: Shr, ir.Arsh: Sar, ir.Neg: Neg,
	ir.Mov: Copy, ir.MovSX32: Nop}

func (b *builder) insn(pc ir.PC, in ir.Insn) {
	row := in.Row()
	v := Value{W: row.Width, A: None, B: None, Reg: in.Dst, PC: pc, Mem: Mem{Base: None, Index: None}}
	switch row.Kind {
	case ir.KindALU:
		b.alu(v, in, row)
	case ir.KindSwap:
		v.A, v.Op = b.read(in.Dst), Swap
		if row.Swap == ir.ToLE {
			v.Op, v.From, v.W = Zext, row.Width, ir.W64
		}
		b.cur[in.Dst] = b.add(v)
	case ir.KindLoadImm:
		v.Op, v.W, v.Imm = Const, ir.W64, in.Imm
		if row.Pseudo != ir.PseudoNone {
			v.Op, v.Imm, v.Reloc = Addr, 0, b.reloc(pc, in, row)
		}
		b.cur[in.Dst] = b.add(v)
	case ir.KindLoad, ir.KindLoadAcquire:
		v.Op = Load
		if row.Signed {
			v.Op = LoadSigned
		}
		v.Mem.Base, v.Mem.Disp = b.read(in.Src), int32(in.Off)
		b.cur[in.Dst] = b.add(v)
	case ir.KindStore, ir.KindStoreRelease:
		v.Op, v.Imm = Store, in.Imm
		v.Mem.Base, v.Mem.Disp = b.read(in.Dst), int32(in.Off)
		if row.Src != ir.K {
			v.A, v.Imm = b.read(in.Src), 0
		} else {
			b.blinded(&v.A, &v.Imm, pc)
		}
		b.add(v)
	case ir.KindJump:
		b.Code.End = Jumps
		b.Target, _ = in.Target(pc)
	case ir.KindExit:
		b.Code.End = Exits
	case ir.KindBranch:
		b.Code.End, b.Cmp, b.W = Branches, row.Cmp, row.Width
		b.Target, _ = in.Target(pc)
		if b.A = b.read(in.Dst); row.Src == ir.X {
			b.B = b.read(in.Src)
		} else {
			b.Imm = in.Imm
			b.blinded(&b.B, &b.Imm, pc)
		}
	}
}

// alu adds the value of an arithmetic operation that is no division by other
// than a power of two.
func (b *builder) alu(v Value, in ir.Insn, row *ir.Row) {
	x, k := None, row.Src == ir.K
	if row.Src == ir.X {
		x = b.read(in.Src)
	}
	v.Op = Nop
	if int(row.ALU) < len(aluOps) {
		v.Op = aluOps[row.ALU]
	}
	switch {
	case row.ALU == ir.Mov && k:
		v.Op, v.Imm = Const, in.Imm
		if row.Width == ir.W32 {
			v.Imm = int64(uint32(in.Imm))
		}
	case row.ALU == ir.Mov && row.Width == ir.W32:
		v.Op, v.W, v.From, v.A = Zext, ir.W64, ir.W32, x
	case row.ALU == ir.Mov:
		v.A = x
	case row.ALU.MovSX() != 0:
		v.Op, v.From, v.A = Sext, row.ALU.MovSX(), x
	case row.ALU == ir.Neg:
		v.A = b.read(in.Dst)
	case v.Op == Shl || v.Op == Shr || v.Op == Sar:
		v.A, v.B, v.Imm = b.read(in.Dst), x, 0
		if k {
			v.Imm = in.Imm & int64(row.Width-1)
		}
	case (row.ALU == ir.Div || row.ALU == ir.Mod) && (in.Imm <= 0 || in.Imm&(in.Imm-1) != 0):
		b.cur[in.Dst] = b.multiply(in, v.PC, b.read(in.Dst))
		return
	case row.ALU == ir.Div || row.ALU == ir.Mod:
		if b.divide(&v, in, row); v.Op == And {
			b.blinded(&v.B, &v.Imm, v.PC)
		}
	default:
		if v.A, v.B = b.read(in.Dst), x; k {
			v.Imm = in.Imm
			b.blinded(&v.B, &v.Imm, v.PC)
		}
	}
	b.cur[in.Dst] = b.add(v)
}

func (b *builder) reloc(pc ir.PC, in ir.Insn, row *ir.Row) jit.Reloc {
	m, off, _ := in.Map()
	switch row.Pseudo {
	case ir.PseudoMapFD, ir.PseudoMapIdx:
		return jit.Reloc{Kind: jit.RelocMapHandle, Map: m}
	case ir.PseudoMapValue, ir.PseudoMapIdxV:
		return jit.Reloc{Kind: jit.RelocMapValues, Map: m, Addend: uint64(off)}
	}
	target, _ := in.Target(pc)
	return jit.Reloc{Kind: jit.RelocFunc, Func: b.p.FuncAt(target)}
}
