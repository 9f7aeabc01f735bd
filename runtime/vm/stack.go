package vm

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// low returns the end of the innermost frame, the stack's lowest address.
func (m *machine) low() uint64 { return m.top - uint64(m.depth+1)*ir.StackSize }

// setDepth makes frame depth the innermost one and points r10 to it.
func (m *machine) setDepth(depth int) {
	m.depth = depth
	below := uint64(depth) * ir.StackSize
	m.r[ir.FP] = m.top - below
	m.fp = behind(m.bottom, MaxFrames*ir.StackSize-below)
}

// openFrame starts the function at pc in the innermost frame, which is zero:
// what the function reaches by r10 alone is cleared now, the rest when
// something reaches for it.
func (m *machine) openFrame(pc int32) {
	need := uint64(m.prog.frames[pc])
	start := m.r[ir.FP] - need
	if need > 0 {
		clear(mem.View(start, int(need)))
	}
	m.clean[m.depth], m.budget = start, abi.MayGotoLimit
	m.pc = pc
}

// push enters a new frame at the function at pc; it fails the run if there is
// none left.
func (m *machine) push(pc, ret int32) (s *savedFrame, ok bool) {
	if m.depth+1 >= MaxFrames {
		m.fail(&Fault{Kind: FaultDepth, PC: ir.PC(m.at)})
		return nil, false
	}
	s = &m.saved[m.depth]
	s.prog, s.pc, s.budget = m.prog, ret, m.budget
	s.regs = [5]uint64(m.r[ir.R6 : ir.R10+1])
	m.setDepth(m.depth + 1)
	m.openFrame(pc)
	return s, true
}

// pop leaves a frame and returns what was saved at its call.
func (m *machine) pop() *savedFrame {
	m.setDepth(m.depth - 1)
	s := &m.saved[m.depth]
	*(*[5]uint64)(m.r[ir.R6 : ir.R10+1]) = s.regs
	m.budget, m.pc = s.budget, s.pc
	if s.prog != m.prog {
		m.use(s.prog)
	}
	low := m.low()
	m.read.leave(low)
	m.write.leave(low)
	return s
}

// leave clears a window that reaches into frames below low.
func (w *window) leave(low uint64) {
	if low-w.base <= MaxFrames*ir.StackSize && w.base != low {
		w.clear()
	}
}

// reachStack reports whether the n bytes at addr lie in the frames in use. The
// rest of them is cleared first: nobody sees what an earlier call left there.
func (m *machine) reachStack(addr, n uint64, w *window) bool {
	low := m.low()
	size := m.top - low
	if off := addr - low; off >= size || n > size-off {
		return false
	}
	for d := range m.depth + 1 {
		end := m.top - uint64(d+1)*ir.StackSize
		if m.clean[d] > end {
			clear(mem.View(end, int(m.clean[d]-end)))
			m.clean[d] = end
		}
	}
	w.set(low, size)
	return true
}

// frameNeeds returns by PC, for the starts of functions, how many bytes below
// r10 have to be cleared at entry: as many as its loads and stores by r10
// reach, or all if r10 goes elsewhere.
func frameNeeds(p *ir.Program) []uint16 {
	needs := make([]uint16, len(p.Insns))
	start := ir.PC(0)
	for pc, in := range p.All() {
		if len(p.Funcs) > 0 {
			start = p.Funcs[p.FuncAt(pc)].PC
		}
		needs[start] = max(needs[start], frameNeed(in))
	}
	if len(p.Funcs) == 0 {
		for pc := range needs {
			needs[pc] = needs[0]
		}
	}
	return needs
}

func frameNeed(in ir.Insn) uint16 {
	row := in.Row()
	src, dst := row.Uses&ir.UseSrc != 0 && in.Src == ir.FP, row.Uses&ir.UseDst != 0 && in.Dst == ir.FP
	switch {
	case !src && !dst:
		return 0
	case row.Kind == ir.KindLoad && fixedFrame(in), row.Kind == ir.KindStore && !src && fixedFrame(in):
		return uint16(-in.Off)
	}
	return ir.StackSize
}

// fixedFrame reports whether a load or store by r10 stays in the frame, which
// then no run has to check.
func fixedFrame(in ir.Insn) bool {
	return in.Off >= -ir.StackSize && int(in.Off)+in.Row().Width.Bytes() <= 0
}
