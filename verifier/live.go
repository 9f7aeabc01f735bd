package verifier

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/cfg"
)

// liveness tells, by PC, what some path may read before it writes it. What is
// not live cannot matter to any path from there.
type liveness struct {
	regs    []uint16 // bit n: register n
	stack   []uint64 // bit i: slot i of the function's own frame
	escapes []bool   // by function: its stack may be read in ways not followed; stack says nothing

	// needRegs and needStack are those of which an obligation, a branch or a
	// pointer may depend on the value; the others are copied, computed with,
	// stored or returned at most.
	needRegs  []uint16
	needStack []uint64
}

// effects is what an instruction reads and surely overwrites.
type effects struct {
	useRegs, defRegs uint16

	// What the instruction itself needs the value of, and what it computes
	// toRegs and the stack from: that is needed if one of these is.
	needRegs, viaRegs, toRegs uint16

	stackEffects
}

// stackEffects are those on the slots of the frame.
type stackEffects struct {
	useStack, defStack uint64
	viaStack, toStack  uint64
}

// effectTable holds the effects of all instructions. Few touch the stack, so
// those parts are kept apart.
type effectTable struct {
	regs  []regEffects
	stack []stackEffects // the first one is none
}

type regEffects struct {
	useRegs, defRegs, needRegs, viaRegs, toRegs uint16
	stack                                       int32 // index of the other part
}

func (t *effectTable) set(pc ir.PC, e *effects) {
	old := t.regs[pc].stack
	t.regs[pc] = regEffects{e.useRegs, e.defRegs, e.needRegs, e.viaRegs, e.toRegs, old}
	switch {
	case old > 0:
		t.stack[old] = e.stackEffects
	case e.stackEffects != stackEffects{}:
		t.regs[pc].stack = int32(len(t.stack))
		t.stack = append(t.stack, e.stackEffects)
	}
}

// needs is what is needed at some place: the values of registers and slots.
type needs struct {
	regs  uint16
	stack uint64
}

// before returns what is needed before the instruction, given what is after it.
func (t *effectTable) before(pc ir.PC, n needs) needs {
	e := &t.regs[pc]
	s := &t.stack[e.stack]
	hit := n.regs&e.toRegs != 0 || n.stack&s.toStack != 0
	n.regs, n.stack = n.regs&^e.defRegs|e.needRegs, n.stack&^s.defStack
	if hit {
		n.regs, n.stack = n.regs|e.viaRegs, n.stack|s.viaStack
	}
	return n
}

// findLiveness solves liveness by one forward analysis of where registers point
// into the frame, and one backward analysis over the blocks.
//
// Sound: a register is used where an instruction may read it; a local call uses
// its five arguments, as does a helper call those it has. A slot is used where
// an access through r10 plus a constant may touch it, and from the given
// address upwards where a helper gets such a pointer. Where a pointer into
// the frame goes anywhere else the function escapes. result says that the
// program's result is needed. Needs decide precision only: any value may be
// taken to be less known than it is.
func findLiveness(p *ir.Program, g *cfg.Graph, result bool) *liveness {
	n := len(p.Insns)
	l := &liveness{regs: make([]uint16, n), stack: make([]uint64, n), escapes: make([]bool, len(g.Funcs)),
		needRegs: make([]uint16, n), needStack: make([]uint64, n)}
	eff := &effectTable{regs: make([]regEffects, n), stack: make([]stackEffects, 1)}
	for f := range g.Funcs {
		pt := pointsTo{p: p, g: g, eff: eff, inner: f > 0, result: result || f > 0}
		pt.solve(&g.Funcs[f])
		l.escapes[f] = pt.escapes
		l.solve(g, &g.Funcs[f], eff)
	}
	return l
}

// solve iterates backwards until nothing changes. Each block is done again only
// when the live-in of a successor grew.
func (l *liveness) solve(g *cfg.Graph, f *cfg.Func, eff *effectTable) {
	queued := make([]bool, f.End-f.First)
	work := make([]cfg.BlockID, 0, len(f.RPO))
	for _, b := range f.RPO { // popped from the end: postorder
		work, queued[b-f.First] = append(work, b), true
	}
	for len(work) > 0 {
		b := work[len(work)-1]
		work, queued[b-f.First] = work[:len(work)-1], false
		blk := &g.Blocks[b]
		var live, need needs
		for _, s := range blk.Succs {
			to := g.Blocks[s].Start
			live.regs, live.stack = live.regs|l.regs[to], live.stack|l.stack[to]
			need.regs, need.stack = need.regs|l.needRegs[to], need.stack|l.needStack[to]
		}
		start := blk.Start
		oldLive, oldNeed := needs{l.regs[start], l.stack[start]}, needs{l.needRegs[start], l.needStack[start]}
		for pc := blk.End - 1; pc >= start; pc-- {
			e := &eff.regs[pc]
			s := &eff.stack[e.stack]
			live.regs = live.regs&^e.defRegs | e.useRegs
			live.stack = live.stack&^s.defStack | s.useStack
			need = eff.before(pc, need)
			l.regs[pc], l.stack[pc], l.needRegs[pc], l.needStack[pc] = live.regs, live.stack, need.regs, need.stack
		}
		if oldLive == live && oldNeed == need {
			continue
		}
		for _, q := range blk.Preds {
			if !queued[q-f.First] && g.Reachable(q) {
				work, queued[q-f.First] = append(work, q), true
			}
		}
	}
}

// where tells where in its own frame a register points.
type where int32

// The values that are not offsets from r10.
const (
	unvisited where = -1 << 31
	elsewhere where = 1 << 30   // not into the frame
	mixed     where = 1<<30 + 1 // perhaps into the frame, at no known offset
)

// pointsTo follows the registers that point into a function's own frame.
type pointsTo struct {
	p       *ir.Program
	g       *cfg.Graph
	eff     *effectTable
	escapes bool
	inner   bool // not the main program: a store may go to a caller's frame
	result  bool // the value in r0 at the end is needed
	at      [ir.NumRegs]where
}

func (t *pointsTo) solve(f *cfg.Func) {
	entry := make([][ir.NumRegs]where, f.End-f.First)
	for i := range entry {
		for n := range entry[i] {
			entry[i][n] = unvisited
		}
	}
	for n := range entry[0] {
		entry[0][n] = elsewhere
	}
	entry[0][ir.FP] = 0
	queued := make([]bool, len(entry))
	queued[0] = true
	var work []cfg.BlockID
	for range 4 { // in order, most blocks are done once
		work = work[:0]
		for _, b := range f.RPO {
			if !queued[b-f.First] {
				continue
			}
			queued[b-f.First] = false
			t.block(b, entry, f.First)
			for _, s := range t.g.Blocks[b].Succs {
				if joinWhere(&entry[s-f.First], &t.at) && !queued[s-f.First] {
					queued[s-f.First] = true
					if t.g.RPOIndex(s) <= t.g.RPOIndex(b) {
						work = append(work, s)
					}
				}
			}
		}
		if len(work) == 0 {
			return
		}
	}
	for len(work) > 0 { // each change makes a pointer less known: that is soon over
		b := work[len(work)-1]
		work, queued[b-f.First] = work[:len(work)-1], false
		t.block(b, entry, f.First)
		for _, s := range t.g.Blocks[b].Succs {
			if joinWhere(&entry[s-f.First], &t.at) && !queued[s-f.First] {
				work, queued[s-f.First] = append(work, s), true
			}
		}
	}
}

// block goes through one block from where its registers point at its start.
func (t *pointsTo) block(b cfg.BlockID, entry [][ir.NumRegs]where, first cfg.BlockID) {
	t.at = entry[b-first]
	for pc := t.g.Blocks[b].Start; pc < t.g.Blocks[b].End; pc++ {
		var e effects
		t.effect(&e, t.p.Insns[pc])
		t.eff.set(pc, &e)
	}
}

// joinWhere adds b to a and reports whether a changed.
func joinWhere(a, b *[ir.NumRegs]where) bool {
	changed := false
	for n := range a {
		switch {
		case a[n] == b[n] || a[n] == mixed:
		case a[n] == unvisited:
			a[n], changed = b[n], true
		default:
			a[n], changed = mixed, true
		}
	}
	return changed
}

// effect notes in e, which is empty, what the instruction reads and overwrites,
// and moves t.at behind it.
func (t *pointsTo) effect(e *effects, in ir.Insn) {
	row := in.Row()
	if row.Src == ir.X {
		e.useRegs |= 1 << in.Src
	}
	switch row.Kind {
	case ir.KindALU, ir.KindSwap, ir.KindCast:
		t.alu(e, in)
		e.viaRegs, e.toRegs = e.useRegs, 1<<in.Dst
	case ir.KindLoadImm:
		t.define(e, in.Dst, elsewhere)
	case ir.KindLoad, ir.KindLoadAcquire:
		e.useRegs |= 1 << in.Src
		e.needRegs |= 1 << in.Src
		t.access(e, in.Src, in, false)
		e.viaStack, e.toRegs = e.useStack, 1<<in.Dst
		t.define(e, in.Dst, elsewhere)
	case ir.KindStore, ir.KindStoreRelease:
		e.useRegs |= 1 << in.Dst
		if row.Src == ir.X || row.Kind == ir.KindStoreRelease {
			e.useRegs |= 1 << in.Src
			t.escape(in.Src)
			e.viaRegs = 1 << in.Src
		}
		e.needRegs |= 1 << in.Dst
		if t.inner && t.at[in.Dst] == elsewhere {
			e.needRegs |= e.viaRegs
		}
		t.access(e, in.Dst, in, true)
	case ir.KindAtomic:
		e.useRegs |= 1<<in.Dst | 1<<in.Src | 1<<ir.R0
		t.escape(in.Src)
		t.escape(ir.R0)
		t.access(e, in.Dst, in, false)
		e.needRegs = e.useRegs
		e.viaStack, e.toRegs, e.toStack = e.useStack, 1<<in.Src|1<<ir.R0, e.useStack
		if row.Fetch || row.Atomic == ir.AtomicXchg {
			t.at[in.Src] = elsewhere
		}
		if row.Atomic == ir.AtomicCmpXchg {
			t.at[ir.R0] = elsewhere
		}
	case ir.KindBranch:
		e.useRegs |= 1 << in.Dst
		e.needRegs = e.useRegs
	case ir.KindLoadPacket:
		e.useRegs |= 1<<ir.R6 | 1<<in.Src
		t.clobber(e)
	case ir.KindCall:
		t.call(e, in)
	case ir.KindExit:
		e.useRegs |= 1 << ir.R0
		if t.result {
			e.needRegs = e.useRegs
		}
	}
}

func (t *pointsTo) define(e *effects, n ir.Reg, w where) {
	e.defRegs |= 1 << n
	t.at[n] = w
}

// escape notes that the register's content goes where it is not followed.
func (t *pointsTo) escape(n ir.Reg) {
	if t.at[n] != elsewhere {
		t.escapes = true
	}
}

func (t *pointsTo) alu(e *effects, in ir.Insn) {
	row := in.Row()
	switch {
	case row.ALU == ir.Mov && row.Src == ir.X && row.Width == ir.W64:
		t.define(e, in.Dst, t.at[in.Src])
		return
	case row.ALU == ir.Mov && row.Src == ir.K:
		t.define(e, in.Dst, elsewhere)
		return
	}
	if row.Src == ir.X {
		t.escape(in.Src)
	}
	if row.ALU == ir.Mov || row.ALU.MovSX() != 0 {
		t.define(e, in.Dst, elsewhere)
		return
	}
	e.useRegs |= 1 << in.Dst
	off := t.at[in.Dst]
	if off == elsewhere {
		return
	}
	if next := int64(off) + in.Imm; off != mixed && row.ALU == ir.Add && row.Width == ir.W64 && row.Src == ir.K &&
		next >= -1<<20 && next <= 1<<20 {
		t.at[in.Dst] = where(next)
		return
	}
	t.escapes = true
	t.at[in.Dst] = mixed
}

// access notes a load, or a store, at a register plus a constant.
func (t *pointsTo) access(e *effects, n ir.Reg, in ir.Insn, store bool) {
	off := t.at[n]
	if off == elsewhere {
		return
	}
	lo := int64(off) + int64(in.Off)
	size := int64(in.Row().Width.Bytes())
	if off == mixed || lo < -ir.StackSize || lo+size > 0 {
		t.escapes = true
		return
	}
	first, j := place(lo)
	last, _ := place(lo + size - 1)
	if store {
		e.toStack |= 1<<first | 1<<last
	}
	if store && j == 0 && size == slotSize {
		e.defStack |= 1 << first
	}
	if !store {
		e.useStack |= 1<<first | 1<<last
	}
}

func (t *pointsTo) clobber(e *effects) {
	for n := ir.R0; n <= ir.R5; n++ {
		e.defRegs |= 1 << n
		t.at[n] = elsewhere
	}
}

// call notes a call's arguments. A helper that gets a pointer into the frame
// may read from there upwards; what it may read of a scalar argument is not
// followed.
func (t *pointsTo) call(e *effects, in ir.Insn) {
	h, ok := abi.HelperFor(abi.HelperID(in.Imm), t.p.Type)
	helper := ok && in.Row().Pseudo == ir.CallHelper
	for n := ir.R1; n <= ir.R5; n++ {
		arg := abi.ArgAny
		if helper {
			arg = h.Args[n-ir.R1]
		}
		if arg == abi.NoArg {
			continue
		}
		e.useRegs |= 1 << n
		if !helper || arg != abi.ArgAny && arg != abi.ArgPassed {
			e.needRegs |= 1 << n
		}
		off := t.at[n]
		switch {
		case off == elsewhere:
		case arg == abi.ArgAny || arg == abi.ArgPassed || arg == abi.ArgStack || off == mixed || off >= 0 || off < -ir.StackSize:
			t.escape(n)
		default:
			i, _ := place(int64(off))
			e.useStack |= ^uint64(0) >> (63 - i)
		}
	}
	if in.Row().Pseudo == ir.CallX {
		e.useRegs |= 1 << in.Dst
	}
	t.clobber(e)
}
