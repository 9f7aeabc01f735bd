package jit

import "github.com/bpfproof/bpfproof/ir"

// Cyclic reports whether the slots [start, end) have a cycle of jumps ahead, of
// going on at the next instruction, and of the jumps backward in free: one on
// which no jump counts down the budget. It looks for it depth first. A jump backward
// for which free has false is one of a bounded loop: it does not count, and goes on
// ahead sooner or later.
func Cyclic(p *ir.Program, free map[ir.PC]bool, start, end ir.PC) bool {
	const fresh, open, closed = 0, 1, 2
	state := make([]uint8, end-start)
	var work, next []ir.PC
	for head := start; head < end; head++ {
		for work = append(work[:0], head); len(work) > 0; {
			pc := work[len(work)-1]
			if state[pc-start] != fresh {
				work = work[:len(work)-1]
				state[pc-start] = closed
				continue
			}
			state[pc-start] = open
			next = uncountedSuccs(next[:0], p, pc, free)
			for _, n := range next {
				switch {
				case n < start || n >= end:
				case state[n-start] == open:
					return true
				case state[n-start] == fresh:
					work = append(work, n)
				}
			}
		}
	}
	return false
}

// uncountedSuccs appends where control goes on from pc without counting.
func uncountedSuccs(next []ir.PC, p *ir.Program, pc ir.PC, free map[ir.PC]bool) []ir.PC {
	in := p.Insns[pc]
	if in.Op == ir.OpPad {
		return next
	}
	k := in.Kind()
	if k == ir.KindJump || k == ir.KindBranch || k == ir.KindMayGoto {
		target, _ := in.Target(pc)
		again, listed := free[pc]
		if target <= pc && !listed {
			return next // counts whichever way it goes
		}
		if target > pc || again {
			next = append(next, target)
		}
	}
	if after := pc + in.Row().Slots(); in.FallsThrough() {
		next = append(next, after)
	}
	return next
}
