package amd64

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
)

// call lowers calls of helpers and of the program's own functions.
func (c *compiler) call(pc ir.PC, in ir.Insn, row *ir.Row) error {
	if row.Pseudo == ir.CallLocal {
		target, _ := in.Target(pc)
		c.asm.Branch(callTo, c.funcLabel(c.p.FuncAt(target)))
		return nil
	}
	if row.Pseudo != ir.CallHelper {
		return &jit.UnsupportedError{PC: pc, Op: in.Op}
	}
	if abi.HelperID(in.Imm) == abi.TailCall {
		c.tailCall()
		return nil
	}
	if m, ok := c.facts[pc]; ok {
		c.arrayLookup(m)
		return nil
	}
	c.exitTo(uint32(in.Imm))
	return nil
}

// exitTo calls the helper exit with a number.
func (c *compiler) exitTo(id uint32) {
	t := enc.MovRI32(c.asm.Text, enc.RAX, id)
	c.asm.Text = enc.CallM(t, enc.Mem{Base: env, Disp: jit.EnvHelper})
}

// tailCall asks the runtime where to go on. r1, which the next program gets,
// is kept on the stack meanwhile.
func (c *compiler) tailCall() {
	c.asm.Text = enc.Push(c.asm.Text, home(ir.R1))
	c.exitTo(uint32(abi.TailCall))
	t := enc.Pop(c.asm.Text, home(ir.R1))
	c.asm.Text = enc.TestRR(t, enc.S64, enc.RAX, enc.RAX)
	stay := c.skip(enc.E)
	c.unwind()
	c.asm.Text = enc.JmpR(c.asm.Text, enc.RAX)
	c.land(stay)
}

// loadPacket lowers LD_ABS and LD_IND. The offset is set up before r1, in
// whose home the index may be.
func (c *compiler) loadPacket(in ir.Insn, row *ir.Row) {
	offset, imm := home(ir.R2), uint64(uint32(in.Imm))
	switch {
	case !row.Indirect:
		c.constant(offset, imm)
	case imm == 0:
		c.asm.Text = enc.MovRR(c.asm.Text, enc.S32, offset, home(in.Src))
	case c.blind != nil:
		c.constant(scratch0, imm)
		t := enc.MovRR(c.asm.Text, enc.S32, offset, home(in.Src))
		c.asm.Text = enc.RR(t, enc.ADD, enc.S32, offset, scratch0)
	default:
		t := enc.MovRR(c.asm.Text, enc.S32, offset, home(in.Src))
		c.asm.Text = enc.RI(t, enc.ADD, enc.S32, offset, int32(in.Imm))
	}
	c.asm.Text = enc.MovRR(c.asm.Text, enc.S64, home(ir.R1), home(ir.R6))
	c.exitTo(jit.LoadPacket(row.Width))
	c.asm.Text = enc.TestRR(c.asm.Text, enc.S64, enc.RAX, enc.RAX)
	inside := c.skip(enc.NS)
	c.asm.Text = enc.RR(c.asm.Text, enc.XOR, enc.S32, enc.RAX, enc.RAX)
	c.epilogue()
	c.land(inside)
}

// arrayLookup is map_lookup_elem for array map m, known to be in r1: the key
// that r2 points to selects an element, or there is none and r0 is 0. In a
// per-CPU array it is the element of the run's processor, and there is none if
// the map has no values for that. The homes of r1 and r2, which a call loses,
// hold its number and how many there are.
func (c *compiler) arrayLookup(m int) {
	spec := c.p.Maps[m]
	t := enc.Load(c.asm.Text, enc.S32, scratch0, enc.Mem{Base: home(ir.R2)})
	t = enc.RR(t, enc.XOR, enc.S32, enc.RAX, enc.RAX)
	t = enc.RI(t, enc.CMP, enc.S32, scratch0, int32(spec.MaxEntries))
	c.asm.Text = t
	absent := c.skip(enc.AE)
	if spec.Type != ir.PerCPUArray {
		c.times(scratch0, c.target.ArrayStride(spec))
		c.loadReloc(enc.RAX, jit.Reloc{Kind: jit.RelocMapValues, Map: m})
		c.asm.Text = enc.RR(c.asm.Text, enc.ADD, enc.S64, enc.RAX, scratch0)
		c.land(absent)
		return
	}
	cpu, cpus := home(ir.R1), home(ir.R2)
	c.asm.Text = enc.Load(c.asm.Text, enc.S64, cpu, enc.Mem{Base: env, Disp: jit.EnvCPU})
	c.loadReloc(cpus, jit.Reloc{Kind: jit.RelocMapCPUs, Map: m})
	c.asm.Text = enc.RR(c.asm.Text, enc.CMP, enc.S64, cpu, cpus)
	strange := c.skip(enc.AE)
	c.times(scratch0, c.target.ArrayStride(spec))
	c.times(cpu, uint32(c.target.ArrayArea(spec)))
	c.loadReloc(enc.RAX, jit.Reloc{Kind: jit.RelocMapLanes, Map: m})
	t = enc.RR(c.asm.Text, enc.ADD, enc.S64, enc.RAX, scratch0)
	c.asm.Text = enc.RR(t, enc.ADD, enc.S64, enc.RAX, cpu)
	c.land(absent)
	c.land(strange)
}

// times multiplies a register by n, at most math.MaxInt32.
func (c *compiler) times(r enc.Reg, n uint32) {
	if bits.OnesCount32(n) == 1 {
		c.asm.Text = enc.ShiftI(c.asm.Text, enc.SHL, enc.S64, r, uint8(bits.TrailingZeros32(n)))
	} else {
		c.asm.Text = enc.ImulRI(c.asm.Text, enc.S64, r, r, int32(n))
	}
}
