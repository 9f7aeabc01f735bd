package jit

import "github.com/bpfproof/bpfproof/ir"

// Bounds of what bounded loops add to the time between two polls: how many
// instructions one executes in all, and how many there are.
const (
	maxBounded = 1 << 15
	maxLoops   = 32
)

// Loops knows the jumps of a program, to tell which jumps backward belong to bounded
// loops.
type Loops struct {
	p     *ir.Program
	end   ir.PC  // of the first function
	jumps []edge // in order of pc
}

type edge struct{ pc, target ir.PC }

// NewLoops lists the jumps of a well-formed program whose functions are listed.
func NewLoops(p *ir.Program) *Loops {
	l := &Loops{p: p, jumps: make([]edge, 0, 8+len(p.Insns)/5)}
	switch len(p.Funcs) {
	case 0:
	case 1:
		l.end = p.Slots()
	default:
		l.end = p.Funcs[1].PC
	}
	for pc := range p.Insns {
		in := &p.Insns[pc]
		switch in.Kind() {
		case ir.KindJump, ir.KindBranch, ir.KindMayGoto:
			target, _ := in.Target(ir.PC(pc))
			l.jumps = append(l.jumps, edge{ir.PC(pc), target})
		case ir.KindCall, ir.KindLoadImm:
			if target, ok := in.Target(ir.PC(pc)); ok && target == 0 {
				l.end = 0
			}
		}
	}
	return l
}

// Bounded reports whether the jump backward at pc is the only one of a loop that is
// known to end after few rounds, however it is entered: a loop of the program's first
// function, which nothing calls, of consecutive instructions without calls, entered at its first, with no loop inside, that goes on
// while a register differs from a constant, which is a number of equal steps away from
// the constant that the register holds at every entry, or while it is less than a
// constant. The step is the only write of the register in the loop, and no way to the
// jump leads around it.
//
// So every round adds the step once, and the rounds are those from the first
// constant to the second, as words: a difference that is a multiple of the step and
// below 2^32 is reached before anything else that is equal to it. How often the loop is
// entered between two jumps that count, Cyclic says, for which a bounded loop's jump
// goes on ahead.
func (l *Loops) Bounded(pc ir.PC) bool {
	head, ok := l.p.Insns[pc].Target(pc)
	if !ok || head > pc || head < 1 || pc >= l.end || pc-head >= maxBounded/2 {
		return false
	}
	cmp, at, ok := l.condition(head, pc)
	if !ok {
		return false
	}
	step, ok := l.step(head, at, pc, cmp.Dst)
	if !ok || !l.alone(head, step, at, pc) {
		return false
	}
	add := l.p.Insns[step]
	if add.Row().Width < cmp.Row().Width {
		return false
	}
	rounds, ok := l.rounds(head, pc, cmp, add.Imm)
	return ok && rounds*int64(pc-head+1) <= maxBounded
}

// condition returns the comparison with a constant under which the jump at pc is
// taken, as if it were its own: JNE or JLT. It is the jump's, or that of the branch in
// front of it, out of the loop.
func (l *Loops) condition(head, pc ir.PC) (cmp ir.Insn, at ir.PC, ok bool) {
	cmp, at = l.p.Insns[pc], pc
	stays := true
	if cmp.Kind() == ir.KindJump {
		if at--; at < head || l.p.Insns[at].Kind() != ir.KindBranch {
			return cmp, at, false
		}
		cmp, stays = l.p.Insns[at], false
		if target, _ := cmp.Target(at); target >= head && target <= pc {
			return cmp, at, false
		}
	}
	row := cmp.Row()
	if row.Kind != ir.KindBranch || row.Src != ir.K {
		return cmp, at, false
	}
	op := row.Cmp
	switch {
	case stays && (op == ir.JNE || op == ir.JLT):
	case !stays && op == ir.JEQ:
		op = ir.JNE
	case !stays && op == ir.JGE:
		op = ir.JLT
	default:
		return cmp, at, false
	}
	cmp.Op = ir.OpBranch(op, row.Width, ir.K)
	return cmp, at, true
}

// step returns the one instruction of the loop that writes r, if it is an addition of
// a constant, and the loop calls nothing.
func (l *Loops) step(head, at, pc ir.PC, r ir.Reg) (step ir.PC, ok bool) {
	step = -1
	for i := head; i <= pc; i++ {
		in := &l.p.Insns[i]
		switch in.Kind() {
		case ir.KindCall, ir.KindLoadPacket, ir.KindMayGoto:
			return 0, false
		}
		if in.Row().Atomic == ir.AtomicCmpXchg && in.Kind() == ir.KindAtomic && r == ir.R0 {
			return 0, false
		}
		if w, writes := in.Writes(); !writes || w != r {
			continue
		}
		row := in.Row()
		if step >= 0 || i >= at || row.Kind != ir.KindALU || row.ALU != ir.Add || row.Src != ir.K || in.Imm == 0 {
			return 0, false
		}
		step = i
	}
	return step, step >= 0
}

// alone reports whether the loop is entered at its head only, and has no other jump
// backward, nor one inside that leads around the step, or around the comparison at.
func (l *Loops) alone(head, step, at, pc ir.PC) bool {
	for _, j := range l.jumps {
		within := j.target > head && j.target <= pc
		switch {
		case j.pc == pc:
		case j.pc < head || j.pc > pc:
			if within {
				return false
			}
		case j.target <= j.pc, within && j.pc < step && j.target > step, within && j.target > at:
			return false
		}
	}
	return true
}

// rounds returns how often the loop is gone through, at most.
func (l *Loops) rounds(head, pc ir.PC, cmp ir.Insn, step int64) (n int64, ok bool) {
	last := cmp.Imm
	if cmp.Row().Cmp == ir.JLT {
		return last/max(step, 1) + 2, step > 0 && last > 0
	}
	try := func(from ir.PC) bool {
		first, known := l.constant(from, cmp.Dst)
		known = known && (from == head || !l.targeted(from))
		if cmp.Row().Width == ir.W32 {
			first = int64(int32(first))
		}
		m := (last - first) / step
		n = max(n, m)
		return known && m >= 1 && m*step == last-first
	}
	if l.entered(head) && !try(head) {
		return 0, false
	}
	for _, j := range l.jumps {
		if j.target == head && j.pc != pc && !try(j.pc) {
			return 0, false
		}
	}
	return n, n > 0
}

// entered reports whether control can go on at pc from the instruction before.
func (l *Loops) entered(pc ir.PC) bool {
	for before := pc - 1; before >= 0; before-- {
		if in := &l.p.Insns[before]; in.Op != ir.OpPad {
			return in.FallsThrough()
		}
	}
	return true
}

// constant returns what r holds where control comes to pc from the instruction before
// it, if the straight code up to there says so.
func (l *Loops) constant(pc ir.PC, r ir.Reg) (x int64, ok bool) {
	for at := pc - 1; at >= 0; at-- {
		if at+1 < pc && l.targeted(at+1) {
			return 0, false
		}
		in := &l.p.Insns[at]
		if in.Op == ir.OpPad {
			continue
		}
		row := in.Row()
		if !in.FallsThrough() || row.Kind == ir.KindCall || row.Kind == ir.KindLoadPacket || row.Kind == ir.KindAtomic {
			return 0, false
		}
		if w, writes := in.Writes(); !writes || w != r {
			continue
		}
		switch {
		case row.Kind == ir.KindLoadImm && row.Pseudo == ir.PseudoNone:
			x = in.Imm
		case row.Kind == ir.KindALU && row.ALU == ir.Mov && row.Src == ir.K && row.Width == ir.W32:
			x = int64(uint32(in.Imm))
		case row.Kind == ir.KindALU && row.ALU == ir.Mov && row.Src == ir.K:
			x = in.Imm
		default:
			return 0, false
		}
		return x, x == int64(int32(x)) || x == int64(uint32(x))
	}
	return 0, false
}

// targeted reports whether a jump leads to pc.
func (l *Loops) targeted(pc ir.PC) bool {
	for _, j := range l.jumps {
		if j.target == pc {
			return true
		}
	}
	return false
}

// Uncounted returns which of the jumps backward in list need not count: nil, if not
// all of them, otherwise the set, and those of it that belong to bounded loops, of
// which there may be few. All other cycles have to have a jump that is not in the
// list.
func Uncounted(p *ir.Program, list []ir.PC) (free, bounded map[ir.PC]bool) {
	if len(list) == 0 {
		return nil, nil
	}
	free, bounded = map[ir.PC]bool{}, map[ir.PC]bool{}
	open := map[ir.PC]bool{}
	loops := NewLoops(p)
	for _, pc := range list {
		free[pc], open[pc] = true, true
		if loops.Bounded(pc) {
			bounded[pc], open[pc] = true, false
		}
	}
	if len(bounded) > maxLoops || Cyclic(p, open, 0, p.Slots()) {
		return nil, nil
	}
	return free, bounded
}

// ShortLoops lists the jumps backward of bounded loops, as many as may be.
func ShortLoops(p *ir.Program) (list []ir.PC) {
	var loops *Loops
	for pc := range p.Insns {
		in := &p.Insns[pc]
		row := in.Row()
		if row.Kind != ir.KindJump && row.Kind != ir.KindBranch || in.Off >= 0 && (!row.Long || in.Imm >= 0) {
			continue // none, or not backward
		}
		if loops == nil {
			loops = NewLoops(p)
		}
		if loops.Bounded(ir.PC(pc)) {
			list = append(list, ir.PC(pc))
		}
		if len(list) == maxLoops {
			break
		}
	}
	return list
}
