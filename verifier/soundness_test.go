package verifier

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/bpfproof/bpfproof/absint/interval"
	"github.com/bpfproof/bpfproof/absint/reduced"
	"github.com/bpfproof/bpfproof/absint/tnum"
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
)

// machine runs programs of numbers and stack bytes: arithmetic, branches,
// loads and stores through r10, local calls, and get_prandom_u32.
type machine struct {
	frames []machineFrame
	pc     ir.PC
	random []uint64
}

type machineFrame struct {
	regs  [ir.NumRegs]uint64
	stack [ir.StackSize]byte
	site  ir.PC
}

// step executes one instruction and reports whether the program goes on.
func (m *machine) step(p *ir.Program) bool {
	f := &m.frames[len(m.frames)-1]
	in := p.Insns[m.pc]
	row := in.Row()
	next := m.pc + row.Slots()
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		f.regs[in.Dst] = sem.Result(sem.Concrete{}, in, f.regs[in.Dst], f.regs[in.Src])
	case ir.KindLoadImm:
		f.regs[in.Dst] = uint64(in.Imm)
	case ir.KindLoad:
		var x uint64
		for i := row.Width.Bytes() - 1; i >= 0; i-- {
			x = x<<8 | uint64(f.stack[ir.StackSize+int(in.Off)+i])
		}
		f.regs[in.Dst] = sem.Loaded(sem.Concrete{}, row.Width, row.Signed, x)
	case ir.KindStore:
		x := f.regs[in.Src]
		if row.Src == ir.K {
			x = uint64(in.Imm)
		}
		for i := range row.Width.Bytes() {
			f.stack[ir.StackSize+int(in.Off)+i] = byte(x >> (8 * i))
		}
	case ir.KindJump:
		next, _ = in.Target(m.pc)
	case ir.KindBranch:
		if sem.Taken(sem.Concrete{}, in, f.regs[in.Dst], f.regs[in.Src]) == 1 {
			next, _ = in.Target(m.pc)
		}
	case ir.KindCall:
		if row.Pseudo == ir.CallHelper {
			f.regs[ir.R0], m.random = m.random[0], append(m.random[1:], m.random[0])
			break
		}
		callee := machineFrame{site: m.pc}
		copy(callee.regs[1:6], f.regs[1:6])
		m.frames = append(m.frames, callee)
		next, _ = in.Target(m.pc)
	case ir.KindExit:
		if len(m.frames) == 1 {
			return false
		}
		m.frames = m.frames[:len(m.frames)-1]
		m.frames[len(m.frames)-1].regs[ir.R0] = f.regs[ir.R0]
		next = f.site + 1
	}
	m.pc = next
	return true
}

// describes reports whether the abstract state describes the machine's, links
// included.
func describes[E comparable](w *words[E], s *state[E], m *machine) bool {
	if len(s.frames) != len(m.frames) {
		return false
	}
	links := map[uint32]uint64{}
	number := func(r *reg[E], x uint64) bool {
		if r.kind != scalar {
			return r.kind == uninit || r.kind == stackPtr || r.kind == ctxPtr
		}
		if r.id != 0 {
			base := x - uint64(int64(r.off))
			if old, ok := links[r.id]; ok && old != base {
				return false
			}
			links[r.id] = base
		}
		return w.d.Contains(ir.W64, r.val, x)
	}
	for i := range s.frames {
		a, c := &s.frames[i], &m.frames[i]
		for n := range a.regs {
			if !number(&a.regs[n], c.regs[n]) {
				return false
			}
		}
		for n := range a.stack {
			sl := &a.stack[n]
			bytes := c.stack[ir.StackSize-slotSize*(n+1):]
			for k := range slotSize {
				if sl.bytes[k] == byteZero && bytes[k] != 0 {
					return false
				}
			}
			var x uint64
			for k := int(sl.lo+sl.n) - 1; k >= int(sl.lo); k-- {
				x = x<<8 | uint64(bytes[k])
			}
			if sl.n > 0 && !number(&sl.spill, x) {
				return false
			}
		}
	}
	return true
}

// randomProgram draws a program of numbers that always ends: branches lead
// forward, except for one loop with a counter in r9.
func randomProgram(t *rapid.T) *ir.Program {
	regs := rapid.SampledFrom([]ir.Reg{0, 1, 2, 3, 6, 7})
	imm := rapid.OneOf(rapid.Int64Range(-4, 20), rapid.SampledFrom([]int64{-1 << 31, 1<<31 - 1, 255, 256, 65535, -256}))
	alu := rapid.SampledFrom([]ir.ALUOp{ir.Add, ir.Sub, ir.Mul, ir.Div, ir.SDiv, ir.Or, ir.And, ir.Lsh, ir.Rsh, ir.Arsh, ir.Neg, ir.Mod,
		ir.SMod, ir.Xor, ir.Mov, ir.Mov, ir.Mov, ir.Add, ir.And, ir.MovSX8, ir.MovSX16, ir.MovSX32})
	width := rapid.SampledFrom([]ir.Width{ir.W32, ir.W64})
	source := rapid.SampledFrom([]ir.Source{ir.K, ir.X})
	size := rapid.SampledFrom([]ir.Width{ir.W8, ir.W16, ir.W32, ir.W64, ir.W64})
	length := rapid.IntRange(4, 40).Draw(t, "length")
	var insns []ir.Insn
	for _, n := range []ir.Reg{6, 7} {
		insns = append(insns, ir.Insn{Op: ir.OpCall(ir.CallHelper), Imm: int64(abi.GetPrandomU32)},
			ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: n})
	}
	for _, n := range []ir.Reg{1, 2, 3} {
		insns = append(insns, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.X), Dst: n, Src: 6 + n&1})
	}
	insns = append(insns, ir.Insn{Op: ir.OpALU(ir.Mov, ir.W64, ir.K), Dst: 9})
	first := len(insns)
	operands := func(row ir.Source) (in ir.Insn) {
		in.Dst = regs.Draw(t, "dst")
		if row == ir.X {
			in.Src = regs.Draw(t, "src")
		} else {
			in.Imm = imm.Draw(t, "imm")
		}
		return in
	}
	for len(insns) < first+length {
		var in ir.Insn
		w, s := width.Draw(t, "width"), source.Draw(t, "source")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2, 3:
			op := alu.Draw(t, "op")
			if op == ir.Neg {
				s = ir.NoSource
			} else if op.MovSX() != 0 {
				s = ir.X
			}
			in = operands(s)
			in.Op = ir.OpALU(op, w, s)
			switch {
			case in.Op == 0 || op == ir.MovSX32 && w == ir.W32:
				continue
			case s == ir.NoSource:
				in.Imm = 0
			case s == ir.K && (op == ir.Lsh || op == ir.Rsh || op == ir.Arsh):
				in.Imm &= int64(w - 1)
			case s == ir.K && in.Imm == 0:
				in.Imm = 3
			}
		case 4:
			in = ir.Insn{Op: ir.OpSwap(rapid.SampledFrom([]ir.SwapOp{ir.ToLE, ir.ToBE, ir.BSwap}).Draw(t, "swap"), rapid.SampledFrom([]ir.Width{ir.W16, ir.W32, ir.W64}).Draw(t, "bits")), Dst: regs.Draw(t, "dst")}
		case 5, 6, 7:
			in = operands(s)
			in.Op = ir.OpBranch(rapid.SampledFrom([]ir.CmpOp{ir.JEQ, ir.JNE, ir.JGT, ir.JGE, ir.JLT, ir.JLE, ir.JSET, ir.JSGT, ir.JSGE, ir.JSLT, ir.JSLE}).Draw(t, "cmp"), w, s)
			in.Off = int16(rapid.IntRange(0, min(6, first+length-len(insns)-1)).Draw(t, "jump"))
		default:
			bits := size.Draw(t, "size")
			off := -int16(bits.Bytes()) * int16(rapid.IntRange(1, 24/bits.Bytes()).Draw(t, "place"))
			if rapid.Bool().Draw(t, "store") {
				in = ir.Insn{Op: ir.OpStore(bits, ir.X), Dst: ir.FP, Src: regs.Draw(t, "src"), Off: off}
			} else {
				in = ir.Insn{Op: ir.OpLoad(bits, bits < ir.W64 && rapid.Bool().Draw(t, "signed")), Dst: regs.Draw(t, "dst"), Src: ir.FP, Off: off}
			}
		}
		insns = append(insns, in)
	}
	back := int16(first - len(insns) - 2)
	insns = append(insns, ir.Insn{Op: ir.OpALU(ir.Add, ir.W64, ir.K), Dst: 9, Imm: 1},
		ir.Insn{Op: ir.OpBranch(ir.JLT, ir.W64, ir.K), Dst: 9, Imm: int64(rapid.IntRange(0, 4).Draw(t, "turns")), Off: back},
		ir.Insn{Op: ir.OpExit()})
	p := &ir.Program{Name: "random", Type: ir.XDP, License: "GPL", Insns: insns}
	p.FindFuncs()
	return p
}

// checkDescribed walks the program and runs it, and demands that each state of
// the run is described by one of the walk's at the same instruction.
func checkDescribed[E comparable](t *rapid.T, d domain[E], p *ir.Program, random []uint64, how walkMode) {
	c, _ := abi.LookupContext(p.Type)
	f, err := findFlow(p, c)
	require.NoError(t, err)
	e := newEngine(d, Policy{Budget: Budget{Visits: 20000}}.withDefaults(), p, c, f)
	e.setMode(how)
	states := map[ir.PC][]*state[E]{}
	e.record = func(pc ir.PC, s *state[E]) {
		kept := &state[E]{}
		kept.copyFrom(s)
		states[pc] = append(states[pc], kept)
	}
	require.NoError(t, e.run(t.Context()))
	if r := e.report(); e.gaveUp || r.Verdict != Accept {
		if how.widen {
			return
		}
		require.Equal(t, BudgetExhausted, r.Findings[0].Code, "%v", r.Findings)
		return
	}
	m := &machine{frames: make([]machineFrame, 1), random: random}
	for i := range m.frames[0].stack { // what was never written holds anything
		m.frames[0].stack[i] = byte(7*i + 1)
	}
	for going := true; going; {
		described := false
		for _, s := range states[m.pc] {
			described = described || describes(&e.checker.w, s, m)
		}
		if !described {
			var all string
			for _, s := range states[m.pc] {
				all += "\n\t" + e.checker.w.describe(s)
			}
			require.Fail(t, "a state of the run is not described", "pc %d, registers %x\nstates:%s\nprogram: %v", m.pc, m.frames[len(m.frames)-1].regs, all, dumpInsns(p))
		}
		going = m.step(p)
	}
}

func dumpInsns(p *ir.Program) string {
	var s string
	for pc, in := range p.All() {
		s += fmt.Sprintf("\n\t%d: %s dst=%v src=%v off=%d imm=%d", pc, in.Op, in.Dst, in.Src, in.Off, in.Imm)
	}
	return s
}

func TestRunsAreDescribed(t *testing.T) {
	inputs := rapid.SliceOfN(rapid.OneOf(rapid.Uint64Range(0, 16), rapid.Uint64(), rapid.Uint64Range(1<<31-2, 1<<32+2)), 3, 3)
	rapid.Check(t, func(t *rapid.T) {
		p := randomProgram(t)
		in := inputs.Draw(t, "random")
		how := rapid.SampledFrom([]walkMode{{}, {coarse: true}, {coarse: true, widen: true}}).Draw(t, "mode")
		switch rapid.IntRange(0, 2).Draw(t, "domain") {
		case 0:
			checkDescribed(t, domain[tnum.T](tnum.Domain{}), p, in, how)
		case 1:
			checkDescribed(t, domain[interval.T](interval.Domain{}), p, in, how)
		case 2:
			checkDescribed(t, domain[reduced.T](reduced.New()), p, in, how)
		}
	})
}
