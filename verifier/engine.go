package verifier

import (
	"context"
	"fmt"
	"reflect"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
)

// engine walks the paths of one program over one domain.
//
// # Soundness
//
// The walk is depth first, so the checkpoints that are open are those on the
// way to where it is. Each path ends at the program's exit, at a branch that
// cannot go either way, or at a cut point whose state is included in a
// checkpoint that is settled: one from which all paths were walked to their
// ends. So by induction on the order of closing, every run from a state that a
// settled checkpoint describes keeps all obligations and ends: the obligations
// of the instructions up to the next cut point were decided on states that
// describe it, and there it is described by the path's own state or by a
// checkpoint settled before.
//
// A path may also end at a checkpoint that is still open, if a run can come
// back there a bounded number of times only: see engine.repeats, and lap.go for
// loops that a register bounds. Checkpoints on
// the way lean on that one, and are settled when it is. A run that stays for
// ever in what leans on one checkpoint follows the walk's own path from it back
// to it again and again, in one and the same frame, and each time uses up some
// of what bounds it; so there is no such run. A path that otherwise meets the
// very same state again would go on for ever and is reported.
type engine[E comparable] struct {
	checker[E]
	stepper stepper[E]
	flow    *flow
	in      inclusion[E]

	points    []checkpoint[E]
	at        [][]int32 // by cut point: its checkpoints in order of age
	misses    []int32   // by cut point: how many states in a row no checkpoint described
	pending   []branchPoint[E]
	free      []*state[E] // states to use again
	globals   []uint8     // by function: whether it is global and to be walked
	cellBytes int         // size of a slot, which is more than a register's
	obs       []obligation

	findings  []Finding
	stats     Stats
	lastKept  struct{ visits, jumps int }
	jumps     int
	cells     int                         // registers and slots of the checkpoints
	waiting   int                         // the same of the states that are put aside
	widening  bool                        // loops are widened, see lap.go
	widened   bool                        // that has happened
	gaveUp    bool                        // and did not help
	inKernel  string                      // what was read that only a kernel has
	counting  bool                        // the calls of bpf_loop are counted
	uncounted bool                        // they could have been
	ranked    []int32                     // checkpoints that laps end at
	record    func(pc ir.PC, s *state[E]) // sees every state visited; nil if nobody asks
	emit      *emitter[E]                 // collects the states visited and what follows them; nil if nobody asks
}

// checkpoint is a state kept at a cut point.
type checkpoint[E comparable] struct {
	state  *state[E]
	parent int32 // the checkpoint before it on its path, -1 at the start
	open   int32 // ways on from it that are not walked to the end yet
	lean   int32 // the checkpoint before it that a path from it was cut short by; -1 if none
	// Of the laps that end at it (see lap.go): the registers that climb on all, or
	// sink, and what they do to registers. up and down are allRegs if there are none.
	up, down uint16
	laps     moves
	wide     bool  // the state was widened
	record   int32 // its state's number in emit
}

// branchPoint is a way that is still to be walked.
type branchPoint[E comparable] struct {
	state *state[E]
	pc    ir.PC
	from  int32 // the last checkpoint on the path
	after int32 // number in emit of the state that it follows on
}

// The kernel keeps a state only after so many instructions and jumps since the
// last; keeping all costs more than it prunes.
const (
	keepAfterVisits = 8
	keepAfterJumps  = 2
	// matchLast bounds how many checkpoints of a cut point a state is compared
	// with, the newest first.
	matchLast     = 32
	matchFew      = 4
	matchPatience = 256 // comparisons in vain in a row until it is few
	// pollEvery is how many visits pass between looks at the context.
	pollEvery = 4096
)

// run walks all paths. It returns an error only if ctx ends.
func (e *engine[E]) run(ctx context.Context) error {
	s := e.take()
	s.frames, s.refs, s.lock, s.sect = s.frames[:0], s.refs[:0], lock{}, section{}
	fr := s.push(-1, 0)
	fr.regs[ir.R1] = reg[E]{kind: ctxPtr, val: e.w.zero}
	fr.regs[ir.FP] = reg[E]{kind: stackPtr, val: e.w.zero}
	e.await(s, 0, -1)
	for len(e.pending) > 0 || e.startGlobal() {
		b := e.pending[len(e.pending)-1]
		e.pending = e.pending[:len(e.pending)-1]
		e.waiting -= b.state.cells()
		stop, err := e.path(ctx, b)
		if stop || err != nil {
			return err
		}
	}
	return nil
}

// path walks one path to its end. It reports whether the walk is to stop.
func (e *engine[E]) path(ctx context.Context, b branchPoint[E]) (stop bool, err error) {
	s, pc := b.state, b.pc
	e.emit.resume(b.after)
	for more := true; more; {
		if e.flow.cut[pc] >= 0 {
			if e.flow.loops[pc] == loopCallback && s.top().inst == 0 {
				s.top().inst = e.stepper.newID()
			}
			if e.flow.stuck(pc) {
				e.find(pc, InfiniteLoop, fmt.Sprintf("infinite loop: no way leads from insn %d to an exit", pc))
				return true, nil
			}
			e.stepper.tidy(s, pc, e.flow.live)
			ended, looping := e.visit(s, pc, &b.from)
			if looping {
				e.find(pc, InfiniteLoop, "infinite loop detected")
				return true, nil
			}
			if e.gaveUp {
				return true, nil
			}
			if ended {
				break
			}
			if e.idles(s, pc) {
				e.find(pc, InfiniteLoop, fmt.Sprintf("infinite loop: nothing bounds the loop at insn %d: %d laps decide no way out", pc, idleLaps))
				return true, nil
			}
		}
		if e.record != nil {
			e.record(pc, s)
		}
		if e.emit != nil {
			e.emit.visit(pc, s, e.points, b.from)
		}
		e.stats.Visits++
		if e.widening && e.stats.Visits > e.policy.Budget.Visits/4 {
			e.gaveUp = true
			return true, nil
		}
		if e.stats.Visits > e.policy.Budget.Visits || len(e.pending) > e.policy.Budget.Branches || e.waiting > e.policy.Budget.Cells {
			e.find(pc, BudgetExhausted, fmt.Sprintf("BPF program is too large. Processed %d insn, %d branches pending", e.stats.Visits-1, len(e.pending)))
			return true, nil
		}
		if e.stats.Visits%pollEvery == 0 && ctx.Err() != nil {
			return true, ctx.Err()
		}
		in := e.prog.Insns[pc]
		if d := e.discharge(s, pc, in); d.outcome == violated {
			e.find(pc, d.code, d.msg)
			return true, nil
		} else if d.outcome == unknown {
			e.find(pc, d.code, d.msg)
			break
		}
		if e.widening {
			e.follow(s.top(), in)
		}
		pc, more = e.next(s, pc, in, b.from)
	}
	e.close(b.from)
	e.free = append(e.free, s)
	return false, nil
}

// find adds a finding, once.
func (e *engine[E]) find(pc ir.PC, code Code, msg string) {
	for _, f := range e.findings {
		if f.PC == pc && f.Code == code && f.Msg == msg {
			return
		}
	}
	e.findings = append(e.findings, Finding{PC: pc, Code: code, Msg: msg})
}

// discharge decides the obligations of the instruction and returns the first
// decision that is not that it holds.
func (e *engine[E]) discharge(s *state[E], pc ir.PC, in ir.Insn) decision {
	if e.plain(s.top(), in) {
		return decision{}
	}
	e.obs = obligations(e.obs[:0], in, e.prog.Type)
	for i := range e.obs {
		if d := e.decide(s, pc, in, &e.obs[i]); d.outcome != holds {
			return d
		}
	}
	return decision{}
}

// next executes the instruction on s and returns where s goes on; more is
// false where the path ends.
func (e *engine[E]) next(s *state[E], pc ir.PC, in ir.Insn, from int32) (to ir.PC, more bool) {
	row := in.Row()
	switch row.Kind {
	case ir.KindJump:
		e.jumps++
		to, _ = in.Target(pc)
		return to, true
	case ir.KindBranch:
		e.jumps++
		return e.fork(s, pc, in, from)
	case ir.KindMayGoto:
		e.jumps++
		to, _ = in.Target(pc)
		e.aside(s, to, from)
		s.top().passes++
		return pc + 1, true
	case ir.KindExit:
		return e.exit(s)
	case ir.KindCall:
		if row.Pseudo == ir.CallLocal {
			target, _ := in.Target(pc)
			if g := e.prog.GlobalAt(target); g != nil {
				e.callGlobal(s, target, g)
				return pc + 1, true
			}
			return e.enter(s, pc, target), true
		}
		if row.Pseudo == ir.CallHelper && abi.HelperID(in.Imm) == abi.TailCall && len(s.frames) > 1 {
			e.tailCall(s, from)
		}
	}
	switch row.Kind {
	case ir.KindLoadPacket:
		if len(s.frames) > 1 { // outside the packet the function returns 0
			e.abandon(s, e.w.zero, from)
		}
	case ir.KindLoad, ir.KindLoadAcquire:
		e.noteKernel(s.top().regs[in.Src].kind)
		e.based[pc] = s.top().regs[in.Src].origin()
	case ir.KindStore, ir.KindStoreRelease:
		e.based[pc] = s.top().regs[in.Dst].origin()
	}
	if row.Kind == ir.KindCall && row.Pseudo == ir.CallKfunc {
		e.kernelCall(s, pc, from)
		return pc + 1, true
	}
	if cb := abi.CallbackOf(in); cb != nil {
		e.callBack(s, pc, cb, from)
	}
	e.stepper.step(s, pc, in)
	return pc + row.Slots(), true
}

// fork leaves s to the way that falls through, and puts the other one aside.
// Where only one way is possible, that one goes on at once.
func (e *engine[E]) fork(s *state[E], pc ir.PC, in ir.Insn, from int32) (to ir.PC, more bool) {
	target, _ := in.Target(pc)
	if taken, known := e.stepper.oneWay(s.top(), in); known {
		if e.flow.leaves[pc] {
			s.top().idle.decided = true
		}
		if to = pc + 1; taken {
			to = target
		}
		return to, e.stepper.branch(s, in, taken)
	}
	other := e.take()
	other.copyFrom(s)
	taken := e.stepper.branch(other, in, true)
	falls := e.stepper.branch(s, in, false)
	switch {
	case taken && falls:
		e.await(other, target, from)
		return pc + 1, true
	case taken:
		*s, *other = *other, *s
		to = target
	default:
		to = pc + 1
	}
	e.free = append(e.free, other)
	return to, taken || falls
}

// tailCall puts aside the way on which a tail call in a subprogram succeeds:
// the program that it goes to returns to the subprogram's caller, with any
// number, and may have moved the packet. In the main program it returns to
// whoever called that, as a program of the same type that was verified by
// itself.
func (e *engine[E]) tailCall(s *state[E], from int32) {
	other := e.abandon(s, e.w.top, from)
	e.stepper.movePacket(other)
}

// abandon puts aside the way on which a subprogram ends in its middle and
// returns r0. It returns that state. In the main program the program ends.
func (e *engine[E]) abandon(s *state[E], r0 E, from int32) *state[E] {
	other := e.aside(s, s.top().resume(), from)
	other.pop()
	other.top().regs[ir.R0] = number(r0)
	return other
}

// aside puts a copy of s aside that is to be walked from pc, and returns it.
func (e *engine[E]) aside(s *state[E], pc ir.PC, from int32) *state[E] {
	other := e.take()
	other.copyFrom(s)
	e.await(other, pc, from)
	return other
}

// await puts s aside, which is to be walked from pc; from is the last checkpoint
// on its way.
func (e *engine[E]) await(s *state[E], pc ir.PC, from int32) {
	e.pending = append(e.pending, branchPoint[E]{s, pc, from, e.emit.now()})
	if from >= 0 {
		e.points[from].open++
	}
	e.waiting += s.cells()
	e.notePeak()
}

// notePeak notes how much is held now.
func (e *engine[E]) notePeak() {
	e.stats.PeakStates = max(e.stats.PeakStates, len(e.points)+len(e.pending))
	e.stats.PeakBytes = max(e.stats.PeakBytes, (e.cells+e.waiting)*e.cellBytes)
}

// enter makes the frame of a local call.
func (e *engine[E]) enter(s *state[E], pc, target ir.PC) ir.PC {
	s.push(pc, e.prog.FuncAt(target))
	n := len(s.frames)
	caller, callee := &s.frames[n-2], &s.frames[n-1]
	callee.life = e.stepper.newID()
	copy(callee.regs[ir.R1:ir.R6], caller.regs[ir.R1:ir.R6])
	callee.regs[ir.FP] = reg[E]{kind: stackPtr, frame: uint8(n - 1), val: e.w.zero}
	for r := ir.R0; r <= ir.R5; r++ {
		caller.regs[r] = reg[E]{}
	}
	return target
}

// exit returns to the caller, or ends the path.
func (e *engine[E]) exit(s *state[E]) (to ir.PC, more bool) {
	n := len(s.frames)
	if n == 1 {
		return 0, false
	}
	to, r0, back := s.top().resume(), s.top().regs[ir.R0], s.top().back
	s.pop()
	e.stepper.endSlices(s, back)
	if back == nil {
		s.top().regs[ir.R0] = r0
	}
	return to, true
}

// close notes that a path from the checkpoint came to its end; a checkpoint
// with none left closes, which ends one of its parent's.
func (e *engine[E]) close(point int32) {
	for point >= 0 {
		p := &e.points[point]
		p.open--
		if p.open > 0 {
			return
		}
		point = p.parent
	}
}

// take returns a state to write over.
func (e *engine[E]) take() *state[E] {
	if n := len(e.free); n > 0 {
		s := e.free[n-1]
		e.free = e.free[:n-1]
		return s
	}
	return &state[E]{}
}

// newEngine returns an engine ready to walk the program.
func newEngine[E comparable](d domain[E], policy Policy, p *ir.Program, ctx *abi.Context, f *flow) *engine[E] {
	w := newWords(d)
	e := &engine[E]{checker: checker[E]{w: w}, stepper: stepper[E]{w: w}, cellBytes: int(reflect.TypeFor[slot[E]]().Size())}
	e.reset(policy, p, ctx, f)
	return e
}

// reset makes the engine ready to walk another program, keeping its memory. A
// nil flow only takes the last program away.
func (e *engine[E]) reset(policy Policy, p *ir.Program, ctx *abi.Context, f *flow) {
	for i := range e.points {
		e.free = append(e.free, e.points[i].state)
	}
	for i := range e.pending {
		e.free = append(e.free, e.pending[i].state)
	}
	clear(e.points)
	clear(e.pending)
	cuts, insns, funcs := 0, 0, 1
	if f != nil {
		cuts, insns, funcs = f.cuts, len(p.Insns), max(1, len(f.graph.Funcs))
	}
	c, t := &e.checker, &e.stepper
	*c = checker[E]{w: c.w, policy: policy, prog: p, ctx: ctx, kern: f.kernel(p), based: zeroed(c.based, insns)}
	*t = stepper[E]{w: t.w, prog: p, ctx: ctx, kern: c.kern, reached: zeroed(t.reached, funcs), seen: t.seen[:0], again: t.again[:0]}
	for i := range e.at {
		e.at[i] = e.at[i][:0]
	}
	if cuts <= cap(e.at) {
		e.at = e.at[:cuts]
	} else {
		e.at = append(e.at[:cap(e.at)], make([][]int32, cuts-cap(e.at))...)
	}
	*e = engine[E]{checker: *c, stepper: *t, flow: f, at: e.at, misses: zeroed(e.misses, cuts), globals: zeroed(e.globals, funcs), points: e.points[:0], pending: e.pending[:0], free: e.free, cellBytes: e.cellBytes, obs: e.obs[:0], ranked: e.ranked[:0],
		in: inclusion[E]{strict: policy.Unprivileged, ids: e.in.ids[:0]}}
	e.in.w = &e.checker.w
}

// zeroed returns n zeros, in the memory of s if that is enough.
func zeroed[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// heldCells returns how many registers and stack slots there is memory for in the
// states that are not in use.
func (e *engine[E]) heldCells() int {
	n := 0
	for _, s := range e.free {
		for i := range s.frames[:cap(s.frames)] {
			n += ir.NumRegs + cap(s.frames[:cap(s.frames)][i].stack)
		}
	}
	return n
}
