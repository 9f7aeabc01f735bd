package opt

import (
	"math/bits"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
)

// cut finds the segments: they begin where jumps lead, behind jumps, and around
// what stands alone.
func (f *Plan) cut(start, end ir.PC) {
	head := make([]bool, end-start+1)
	head[0] = true
	for pc := start; pc < end; pc += f.p.Insns[pc].Row().Slots() {
		in := f.p.Insns[pc]
		after := pc + in.Row().Slots() - start
		if target, ok := in.Target(pc); ok && jumps(in) {
			head[target-start], head[after] = true, true
		}
		if in.Kind() == ir.KindExit {
			head[after] = true
		}
		if f.cfg.Alone(in) {
			head[pc-start], head[after] = true, true
		}
	}
	n := 0
	for pc := start; pc < end; pc += f.p.Insns[pc].Row().Slots() {
		if n++; head[pc-start] || n > maxSegment {
			n = 0
			f.Segments = append(f.Segments, Segment{Start: pc, Alone: f.cfg.Alone(f.p.Insns[pc])})
		}
		f.Segments[len(f.Segments)-1].End = pc + f.p.Insns[pc].Row().Slots()
	}
	targets := f.targets(start, end)
	f.merge(targets, start)
	f.thread(targets, start)
	f.connect()
}

// targets counts the jumps to each instruction.
func (f *Plan) targets(start, end ir.PC) []int {
	targets := make([]int, end-start+1)
	for pc := start; pc < end; pc += f.p.Insns[pc].Row().Slots() {
		if t, ok := f.p.Insns[pc].Target(pc); ok && jumps(f.p.Insns[pc]) {
			targets[t-start]++
		}
	}
	return targets
}

// thread joins a segment that ends with a branch with the goto behind it, if nothing
// else leads there and it does not count down the budget.
func (f *Plan) thread(targets []int, start ir.PC) {
	all := f.Segments
	kept := all[:0]
	for i := 0; i < len(all); i++ {
		s := all[i]
		s.After = s.End
		if i+1 < len(all) && !s.Alone && !f.cfg.Off[PassThread] && f.p.Insns[f.last(&s)].Kind() == ir.KindBranch {
			next := all[i+1]
			in := f.p.Insns[next.Start]
			target, _ := in.Target(next.Start)
			short := !f.cfg.Off[PassBounded] && slices.Contains(f.cfg.Bounded, next.Start)
			if in.Kind() == ir.KindJump && targets[next.Start-start] == 0 && (target > next.End || short) {
				s.End, s.After = next.End, target
				i++
			}
		}
		kept = append(kept, s)
	}
	f.Segments = kept
}

// connect finds the segments that follow each.
func (f *Plan) connect() {
	index := map[ir.PC]int{}
	for i := range f.Segments {
		index[f.Segments[i].Start] = i
	}
	for i := range f.Segments {
		s := &f.Segments[i]
		last := f.last(s)
		in := f.p.Insns[last]
		if target, ok := in.Target(last); ok && jumps(in) {
			s.succs = append(s.succs, index[target])
		}
		if in.FallsThrough() && int(s.After-f.Segments[0].Start) < f.size() {
			s.succs = append(s.succs, index[s.After])
		}
	}
}

// Bounds of what is done whether or not the branch over it is taken: instructions
// of one, and how many in a segment, which has so many times twice as many ways.
const (
	maxSkipped = 3
	maxSkips   = 3
)

// merge joins a segment that ends with a branch over a few simple instructions
// with these, so that the branch becomes a choice between values, and with what
// is behind them if nothing else leads there.
func (f *Plan) merge(targets []int, start ir.PC) {
	if f.cfg.Off[PassSelect] {
		return
	}
	all := f.Segments
	kept := all[:0]
	for i := 0; i < len(all); i++ {
		s := all[i]
		for i+1 < len(all) && len(s.Skips) < maxSkips && f.skips(&s, &all[i+1]) && targets[s.End-start] == 0 {
			s.Skips = append(s.Skips, Skip{s.End, all[i+1].End})
			s.End = all[i+1].End
			if i++; i+1 >= len(all) || all[i+1].Alone || targets[s.End-start] > 1 || all[i+1].End-s.Start > maxSegment {
				break
			}
			i++
			s.End = all[i].End
		}
		kept = append(kept, s)
	}
	f.Segments = kept
}

// skips reports whether s ends with a branch over next, which is short and simple.
func (f *Plan) skips(s, next *Segment) bool {
	last := f.last(s)
	in := f.p.Insns[last]
	t, ok := in.Target(last)
	if s.Alone || next.Alone || in.Kind() != ir.KindBranch || !ok || t != next.End || next.End-next.Start > maxSkipped {
		return false
	}
	var sets Regs
	for pc := next.Start; pc < next.End; pc++ {
		in := f.p.Insns[pc]
		if in.Kind() != ir.KindALU || in.Row().ALU == ir.Mul {
			return false
		}
		sets = sets.with(in.Dst)
	}
	return bits.OnesCount16(uint16(sets)) <= 2
}

// size returns how many slots the function has.
func (f *Plan) size() int { return int(f.Segments[len(f.Segments)-1].End - f.Segments[0].Start) }

// last returns the PC of a segment's last instruction, but for a goto that was joined
// to the branch in front of it.
func (f *Plan) last(s *Segment) ir.PC {
	if s.After != 0 && s.After != s.End {
		return s.End - 2
	}
	if f.p.Insns[s.End-1].Op == ir.OpPad {
		return s.End - 2
	}
	return s.End - 1
}
