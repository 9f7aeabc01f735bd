package explain

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/sem"
	"github.com/bpfproof/bpfproof/smt"
)

// mirror follows a run and says of each register that depends on the input how:
// as a term over the input's bytes. Addresses stay those of the run, so what is
// solved for is a guess, which a run then confirms or not.
type mirror struct {
	b     *smt.Builder
	regs  [ir.NumRegs]word
	saved [][4]word       // r6 to r9 of callers
	mem   map[uint64]word // bytes that were stored
	bytes map[string]site // the input's bytes by the names of their variables
	held  []smt.Term      // how the branches went, one condition each
	last  struct {        // the last branch that depends on the input
		pc   ir.PC
		went smt.Term
		ok   bool
	}
	random bool // a random number was asked for
	steps  int
	off    bool // not followed any more
}

// word is a term, or nothing where the value does not depend on the input.
type word struct {
	t  smt.Term
	ok bool
}

// randomVar names the first random number.
const randomVar = "random"

// The run is followed so far.
const (
	mostSteps    = 4096
	mostBranches = 256
)

func newMirror() *mirror {
	return &mirror{b: smt.NewBuilder(), mem: map[uint64]word{}, bytes: map[string]site{}}
}

// value returns a register as a term.
func (m *mirror) value(r ir.Reg, regs *[ir.NumRegs]uint64) smt.Term {
	if m.regs[r].ok {
		return m.regs[r].t
	}
	return m.b.Const(ir.W64, regs[r])
}

// after does what the instruction at pc did; before and now are the registers
// around it.
func (m *mirror) after(w *watch, pc ir.PC, before, now *[ir.NumRegs]uint64) {
	if m.steps++; m.off || m.steps > mostSteps || len(m.held) > mostBranches {
		m.off = true
		return
	}
	in := w.p.Insns[pc]
	row := in.Row()
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		if m.regs[in.Dst].ok && (row.Kind == ir.KindSwap || row.ALU != ir.Mov) || row.Src == ir.X && m.regs[in.Src].ok {
			m.regs[in.Dst] = word{sem.Result[smt.Term](m.b, in, m.value(in.Dst, before), m.value(in.Src, before)), true}
			return
		}
		m.regs[in.Dst] = word{}
	case ir.KindLoadImm:
		m.regs[in.Dst] = word{}
	case ir.KindLoad, ir.KindLoadAcquire:
		m.regs[in.Dst] = m.load(w, in, before[in.Src]+uint64(int64(in.Off)), now[in.Dst])
	case ir.KindStore, ir.KindStoreRelease:
		m.store(in, before)
	case ir.KindBranch:
		m.branch(pc, in, before)
	case ir.KindCall:
		m.call(in)
	case ir.KindExit:
		if n := len(m.saved); n > 0 {
			copy(m.regs[ir.R6:ir.FP], m.saved[n-1][:])
			m.saved = m.saved[:n-1]
			clear(m.regs[ir.R1:ir.R6])
		}
	case ir.KindLoadPacket:
		clear(m.regs[:ir.R6])
	case ir.KindAtomic:
		m.off = true
	}
}

// load returns what a load of x at addr depends on.
func (m *mirror) load(w *watch, in ir.Insn, addr, x uint64) word {
	var t smt.Term
	depends := false
	for k := range in.Row().Width.Bytes() {
		v := m.byteAt(w, addr+uint64(k))
		depends = depends || v.ok
		if !v.ok {
			v.t = m.b.Const(ir.W8, x>>(8*k)&0xff)
		}
		if k == 0 {
			t = v.t
		} else {
			t = m.b.Concat(v.t, t)
		}
	}
	if !depends {
		return word{}
	}
	return word{sem.Loaded[smt.Term](m.b, in.Row().Width, in.Row().Signed, t), true}
}

// byteAt returns what the byte at addr depends on.
func (m *mirror) byteAt(w *watch, addr uint64) word {
	if v, ok := m.mem[addr]; ok {
		return v
	}
	for i, p := range w.parts {
		if off := addr - p.addr; p.addr != 0 && off < uint64(p.size) {
			name := fmt.Sprintf("part%d_%d", i, off)
			m.bytes[name] = site{i, int(off), 1}
			return word{m.b.Var(name, ir.W8), true}
		}
	}
	return word{}
}

func (m *mirror) store(in ir.Insn, before *[ir.NumRegs]uint64) {
	addr := before[in.Dst] + uint64(int64(in.Off))
	x := word{m.b.Const(ir.W64, uint64(in.Imm)), true}
	if in.Row().Src == ir.X || in.Kind() == ir.KindStoreRelease {
		x = word{m.value(in.Src, before), true}
	}
	for k := range in.Row().Width.Bytes() {
		lo := ir.Width(8 * k)
		m.mem[addr+uint64(k)] = word{m.b.Extract(x.t, lo+7, lo), true}
	}
}

// branch notes how a branch went that depends on the input.
func (m *mirror) branch(pc ir.PC, in ir.Insn, before *[ir.NumRegs]uint64) {
	m.last.ok = false
	if !m.regs[in.Dst].ok && !(in.Row().Src == ir.X && m.regs[in.Src].ok) {
		return
	}
	went := sem.Taken[smt.Term](m.b, in, m.value(in.Dst, before), m.value(in.Src, before))
	if sem.Taken[uint64](sem.Concrete{}, in, before[in.Dst], before[in.Src]) == 0 {
		went = m.b.Not(went)
	}
	m.last.pc, m.last.went, m.last.ok = pc, went, true
	m.held = append(m.held, went)
}

func (m *mirror) call(in ir.Insn) {
	if in.Row().Pseudo == ir.CallLocal {
		m.saved = append(m.saved, [4]word(m.regs[ir.R6:ir.FP]))
		return
	}
	clear(m.regs[:ir.R6])
	switch id := abi.HelperID(in.Imm); id {
	case abi.GetPrandomU32:
		if !m.random {
			m.regs[ir.R0] = word{m.b.Resize(m.b.Var(randomVar, ir.W32), ir.W32, ir.W64, false), true}
		}
		m.random = true
	case abi.Loop, abi.ForEachMapElem, abi.TailCall:
		m.off = true
	case abi.MapLookupElem:
	default:
		clear(m.mem) // it may have written there
	}
}

// other returns the conditions under which the run's last branch goes the other
// way, and all before it as they did.
func (m *mirror) other(pc ir.PC) []smt.Term {
	if m.off || !m.last.ok || m.last.pc != pc {
		return nil
	}
	n := len(m.held) - 1
	return append(append([]smt.Term{}, m.held[:n]...), m.b.Not(m.last.went))
}

// leaving returns the conditions under which the run goes as it did up to an
// access through base of n bytes, and that leaves [start, start+size).
func (m *mirror) leaving(in ir.Insn, base ir.Reg, start, size, n uint64) []smt.Term {
	if m.off || !m.regs[base].ok || size < n {
		return nil
	}
	addr := sem.Address[smt.Term](m.b, m.regs[base].t, in.Off)
	off := m.b.Bin(sem.Sub, ir.W64, addr, m.b.Const(ir.W64, start))
	out := m.b.Cmp(sem.UGT, ir.W64, off, m.b.Const(ir.W64, size-n))
	return append(append([]smt.Term{}, m.held...), out)
}

// outside returns the conditions under which the run goes as it did up to its
// exit and returns a number outside of [lo, hi].
func (m *mirror) outside(lo, hi int64) []smt.Term {
	if m.off || !m.regs[ir.R0].ok {
		return nil
	}
	r := m.regs[ir.R0].t
	below := m.b.Cmp(sem.SLT, ir.W64, r, m.b.Const(ir.W64, uint64(lo)))
	above := m.b.Cmp(sem.SGT, ir.W64, r, m.b.Const(ir.W64, uint64(hi)))
	return append(append([]smt.Term{}, m.held...), m.b.Or(below, above))
}
