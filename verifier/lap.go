package verifier

import (
	"math"
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
)

// A loop that is not unrolled. A path that comes back to a checkpoint from which
// it started, in a state that the checkpoint describes, has gone one lap. Going
// that lap again and again needs no walk if it ends: if a register climbs.
//
// # Soundness
//
// Let a path go from the open checkpoint w to a state that w describes, in one
// and the same frame. On that lap a register of the frame climbs if it is changed
// by additions of positive constants only, at least one, none of which wraps
// around in the signed order for any value that the states there describe; it
// sinks if likewise for negative ones. w keeps the registers that climb, or sink,
// on all laps to it; a lap that would leave none does not end the path.
//
// Suppose that a run stays for ever in what was walked. It moves along the walk's
// tree and jumps up at the ends of laps. Of the checkpoints it jumps to without
// end, let a be the oldest. What it does between two arrivals at a is one lap of a,
// put together with whole laps of checkpoints below a: cut each of these out where
// it was jumped back. Those in a's frame have left one of a's registers climbing,
// see closes, and those in the frames of its callees do not touch it. So one
// register grows without end between bounds of 64 bits. Laps that a helper's
// count or the budget of may_goto bounds are finitely many in one frame, or do
// not touch its registers that outlive a call.

// moves tells how a frame's registers have changed since some time: bit n is
// register n.
type moves struct {
	rose, fell, spoilt uint16
}

func (m *moves) add(o moves) {
	m.rose, m.fell, m.spoilt = m.rose|o.rose, m.fell|o.fell, m.spoilt|o.spoilt
}

func (m *moves) climbing() uint16 { return m.rose &^ (m.fell | m.spoilt) }
func (m *moves) sinking() uint16  { return m.fell &^ (m.rose | m.spoilt) }

// callerSaved are the registers that a call overwrites.
const callerSaved = 1<<(ir.R5+1) - 1

// follow notes what the instruction is going to do to the frame's registers.
func (e *engine[E]) follow(fr *frame[E], in ir.Insn) {
	row := in.Row()
	dst := uint16(1) << in.Dst
	switch row.Kind {
	case ir.KindALU:
		switch e.shift(&fr.regs[in.Dst], in, row) {
		case 1:
			fr.moves.rose |= dst
		case -1:
			fr.moves.fell |= dst
		default:
			fr.moves.spoilt |= dst
		}
	case ir.KindStore, ir.KindStoreRelease, ir.KindBranch, ir.KindJump, ir.KindMayGoto, ir.KindExit:
	case ir.KindAtomic:
		fr.moves.spoilt |= 1<<ir.R0 | 1<<in.Src
	case ir.KindCall, ir.KindLoadPacket:
		fr.moves.spoilt |= callerSaved
	default:
		fr.moves.spoilt |= dst
	}
}

// shift returns 1 if the instruction surely makes the number in r greater, read
// signed, -1 if smaller, 0 if neither is known.
func (e *engine[E]) shift(r *reg[E], in ir.Insn, row *ir.Row) int {
	if row.Src != ir.K || row.ALU != ir.Add && row.ALU != ir.Sub || r.kind != scalar || in.Imm == 0 {
		return 0
	}
	d := in.Imm
	if row.ALU == ir.Sub {
		d = -d // of 32 bits: does not overflow
	}
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	if row.Width != ir.W64 { // the result is cut: no wrap in 32 bits, from a word of 32 bits
		lo, hi = 0, math.MaxUint32
	}
	b := e.w.bounds(r.val)
	switch {
	case b.SMin < lo || b.SMax > hi:
	case d > 0 && b.SMax <= hi-d:
		return 1
	case d < 0 && b.SMin >= lo-d:
		return -1
	}
	return 0
}

// since returns what a path in s did to the registers of the frame in which the
// checkpoint on was made, from there on; ok is false if it is not on the path's
// way. from is the path's last checkpoint.
func (e *engine[E]) since(s *state[E], from, on int32) (m moves, ok bool) {
	w := e.points[on].state
	k := len(w.frames) - 1
	m = s.frames[k].moves
	for i := from; i != on; i = e.points[i].parent {
		if i < 0 {
			return moves{}, false
		}
		p := &e.points[i]
		if k >= len(p.state.frames) {
			return moves{}, false
		}
		m.add(p.state.frames[k].moves)
		if len(p.state.frames) == k+1 {
			m.add(p.laps)
		}
	}
	return m, true
}

// closes reports whether a path whose state s is described by the open checkpoint
// on may end there, because going the lap for ever is impossible, and notes that
// it does.
func (e *engine[E]) closes(s *state[E], from, on int32) bool {
	m, ok := e.since(s, from, on)
	if !ok {
		return false
	}
	w := &e.points[on]
	up, down := w.up&e.within(w.state, s, m.climbing()), w.down&e.within(w.state, s, m.sinking())
	if up|down == 0 {
		return false
	}
	life := s.top().life
	lostUp, lostDown := m.fell|m.spoilt, m.rose|m.spoilt
	older := func(i int32) *checkpoint[E] {
		if a := &e.points[i]; i < on && a.open > 0 && a.state.top().life == life {
			return a
		}
		return nil
	}
	for _, i := range e.ranked {
		if a := older(i); a != nil && a.up&^lostUp|a.down&^lostDown == 0 {
			return false
		}
	}
	for _, i := range e.ranked {
		if a := older(i); a != nil {
			a.up, a.down = a.up&^lostUp, a.down&^lostDown
		}
	}
	if w.up&w.down == allRegs {
		for n := len(e.ranked); n > 0 && e.points[e.ranked[n-1]].open == 0; n-- {
			e.ranked = e.ranked[:n-1]
		}
		e.ranked = append(e.ranked, on)
	}
	w.up, w.down = up, down
	w.laps.add(m)
	return true
}

// allRegs stands for all registers, in the masks of a checkpoint without laps.
const allRegs = ^uint16(0)

// within returns those of the registers that can go from the checkpoint's values
// to the state's, either way, in no more steps than there may be visits.
func (e *engine[E]) within(w, s *state[E], set uint16) uint16 {
	old, now := w.top(), s.top()
	for left := set; left != 0; left &= left - 1 {
		n := bits.TrailingZeros16(left)
		if old.regs[n].kind != scalar || now.regs[n].kind != scalar {
			set &^= 1 << n
			continue
		}
		a, b := e.w.bounds(old.regs[n].val), e.w.bounds(now.regs[n].val)
		if lo, hi := min(a.SMin, b.SMin), max(a.SMax, b.SMax); uint64(hi)-uint64(lo) > uint64(e.policy.Budget.Visits) {
			set &^= 1 << n
		}
	}
	return set
}

// What widening at the heads of loops may take.
const (
	plainLaps  = 2  // laps that are walked as they are
	maxLaps    = 12 // laps after which it is given up
	idleLaps   = 1 << 12
	thresholds = 6 // laps after which numbers are widened beyond the program's constants
)

// hasten widens s, which came to the head of a loop with laps laps behind it, the
// last from the open checkpoint on, where that can make the loop end soon. It
// reports whether it did.
func (e *engine[E]) hasten(s *state[E], from, on int32, laps int) bool {
	if laps < plainLaps || laps >= maxLaps {
		return false
	}
	last := e.points[on].state
	m, ok := e.since(s, from, on)
	if !ok || m.climbing()|m.sinking() == 0 {
		return false
	}
	wide := e.take()
	defer func() { e.free = append(e.free, wide) }()
	wide.copyFrom(s)
	e.widen(last, wide, laps < thresholds)
	if !e.in.includes(wide, last) || !e.in.includes(wide, s) {
		return false
	}
	*s, *wide = *wide, *s
	e.stepper.forgot, e.widened = true, true
	return true
}

// idles counts the laps of the loop with its head at pc in which no comparison
// that leads out of a loop was decided, and reports that they are too many: a
// loop of which nothing tells that it ends. A bound that is known decides some
// comparison in each lap, or widening has found it; without one, the laps that
// follow are soon more than may be visited.
func (e *engine[E]) idles(s *state[E], pc ir.PC) bool {
	i := &s.top().idle
	if !e.flow.heads[pc] {
		return false
	}
	if i.head != pc || i.decided {
		*i = idle{head: pc}
		return false
	}
	i.laps++
	return i.laps >= idleLaps
}
