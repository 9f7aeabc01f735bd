package verifier

import "github.com/bpfproof/bpfproof/ir"

// visit compares a state at a cut point with the checkpoints there: ended says
// that it is included in one that is settled, or in one to which a run comes
// back a bounded number of times; looping that the path was in this very state
// before. Otherwise the state may become a checkpoint, and from then is it.
func (e *engine[E]) visit(s *state[E], pc ir.PC, from *int32) (ended, looping bool) {
	cut := e.flow.cut[pc]
	list := e.at[cut]
	laps := 0 // of a loop that something else bounds
	turns, last, wide := 0, int32(-1), false
	for i := len(list) - 1; i >= max(0, len(list)-e.window(cut)); i-- {
		p := &e.points[list[i]]
		switch {
		case e.settled(p):
			if e.in.includes(p.state, s) {
				e.emit.covered(p.record)
				e.misses[cut] = 0
				return true, false
			}
		case p.open > 0 && e.repeats(p.state, s, pc):
			laps++
			if laps == 1 && s.top().calls == 0 {
				if n := e.lapped(s, pc) - e.patience(p.state, s); n >= widenAfter {
					e.widen(p.state, s, n >= widenFast)
				}
			}
			if e.in.includes(p.state, s) {
				e.lean(*from, list[i])
				e.emit.covered(p.record)
				e.misses[cut] = 0
				return true, false
			}
		case p.open > 0 && p.state.top().life == s.top().life:
			if turns == 0 {
				last = list[i]
			}
			turns, wide = turns+1, wide || p.wide
			switch e.again(s, *from, list[i]) {
			case lapEnds:
				e.lean(*from, list[i])
				e.emit.covered(p.record)
				e.misses[cut] = 0
				return true, false
			case lapEndless:
				return false, true
			}
		}
	}
	e.misses[cut]++
	must := laps > 0 || e.flow.loops[pc] != loopFree
	if e.widening && laps == 0 && e.flow.heads[pc] {
		must = must || turns < maxLaps
		if turns >= maxLaps && wide {
			e.gaveUp = true
			return true, false
		}
		if turns > 0 && e.hasten(s, *from, last, turns) {
			if e.keep(s, cut, from, true) {
				e.points[*from].wide = true
			}
			return false, false
		}
	}
	e.keep(s, cut, from, must)
	return false, false
}

// window returns how many checkpoints of a cut point a state is compared with, the
// newest first: few, where comparing has long been in vain. What it loses is
// precision of pruning, so time.
func (e *engine[E]) window(cut int32) int {
	if e.misses[cut] > matchPatience {
		return matchFew
	}
	return matchLast
}

// What a lap back to an open checkpoint means for the path.
const (
	lapOther   = iota // it goes on: in another state, or the lap may go on for ever
	lapEnds           // it ends: the checkpoint describes the state
	lapEndless        // it goes on for ever
)

// again looks at a path that comes back to the open checkpoint on in the same
// frame.
func (e *engine[E]) again(s *state[E], from, on int32) int {
	p := e.points[on].state
	if e.widening {
		if !e.in.includes(p, s) {
			return lapOther
		}
		if e.closes(s, from, on) {
			return lapEnds
		}
	} else if !e.in.alike(p, s) || !e.in.includes(p, s) {
		return lapOther
	}
	if e.in.alike(p, s) && e.in.includes(s, p) {
		return lapEndless
	}
	return lapOther
}

// keep makes a state a checkpoint: always where must is set or the cut point
// has none, otherwise if the last one is some way behind. It reports whether it
// did.
func (e *engine[E]) keep(s *state[E], cut int32, from *int32, must bool) bool {
	list := e.at[cut]
	since := e.stats.Visits-e.lastKept.visits >= keepAfterVisits && e.jumps-e.lastKept.jumps >= keepAfterJumps
	full := len(e.points) >= e.policy.Budget.States || e.cells >= e.policy.Budget.Cells
	if !must && len(list) > 0 && !since || full {
		return false
	}
	e.lastKept.visits, e.lastKept.jumps = e.stats.Visits, e.jumps
	kept := e.take()
	kept.copyFrom(s)
	e.cells += kept.cells()
	e.points = append(e.points, checkpoint[E]{state: kept, parent: *from, open: 1, lean: -1, up: allRegs, down: allRegs, record: -1})
	*from = int32(len(e.points) - 1)
	for i := range s.frames {
		s.frames[i].moves = moves{}
	}
	e.at[cut] = append(list, *from)
	e.stats.States++
	e.notePeak()
	return true
}

// repeats reports that the way from the open checkpoint old to now can be gone a
// bounded number of times only: it is in one run of a helper's callbacks, or it
// used up some of the running function's may_goto budget.
func (e *engine[E]) repeats(old, now *state[E], pc ir.PC) bool {
	o, n := old.top(), now.top()
	if e.flow.loops[pc] == loopCallback {
		return o.inst != 0 && o.inst == n.inst
	}
	return o.life == n.life && (o.passes < n.passes || e.kern.calls != nil && advanced(old, now))
}

// lapped counts the open checkpoints at pc of the same bounded loop as s.
func (e *engine[E]) lapped(s *state[E], pc ir.PC) int {
	n := 0
	for _, i := range e.at[e.flow.cut[pc]] {
		if p := &e.points[i]; p.open > 0 && e.repeats(p.state, s, pc) {
			n++
		}
	}
	return n
}

// settled reports that all paths from the checkpoint were walked to their ends,
// and from those that it leans on.
func (e *engine[E]) settled(p *checkpoint[E]) bool {
	for p.open == 0 {
		if p.lean < 0 {
			return true
		}
		p = &e.points[p.lean]
	}
	return false
}

// lean notes that a path from the checkpoint point was cut short by on, an open
// one before it: all between wait for that one.
func (e *engine[E]) lean(point, on int32) {
	for ; point >= 0 && point != on; point = e.points[point].parent {
		p := &e.points[point]
		if p.lean < 0 || on < p.lean {
			p.lean = on
		}
	}
}
