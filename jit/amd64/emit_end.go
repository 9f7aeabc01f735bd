package amd64

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// end appends what ends the segment: registers go home, then control goes on.
func (e *emitter) end() {
	if e.Code.End == opt.Branches { // constants first: they may need a register
		if e.ready(); e.spilled {
			return
		}
	}
	if e.goHome(); e.spilled {
		return
	}
	switch e.Code.End {
	case opt.Falls:
		e.fallTo(e.Segment.After)
	case opt.Exits:
		e.epilogue()
	case opt.Jumps:
		e.goTo()
	case opt.Branches:
		if e.Counts {
			e.count()
		}
		e.flags()
		e.branchTo(conditions[e.Cmp])
	}
}

// branchTo appends the conditional jump, with the opposite condition where the
// target's code is behind the segment's.
func (e *emitter) branchTo(c enc.Cond) {
	if e.Target == e.next {
		e.asm.Branch(uint8(c.Not()), jit.Label(e.Segment.After))
		return
	}
	e.asm.Branch(uint8(c), jit.Label(e.Target))
	e.fallTo(e.Segment.After)
}

// goTo appends the jump to the target, with the poll if it counts.
func (e *emitter) goTo() {
	switch {
	case e.Counts:
		e.backward(e.Target)
	default:
		e.fallTo(e.Target)
	}
}

// compareValues appends the comparison of a with b, or where that is nowhere with
// an immediate.
func (e *emitter) compareValues(op ir.CmpOp, w ir.Width, k int64, a, b enc.Reg) {
	t, s, imm := e.asm.Text, size(w), int32(k)
	switch {
	case op == ir.JSET && b == nowhere:
		t = enc.TestRI(t, s, a, imm)
	case op == ir.JSET:
		t = enc.TestRR(t, s, a, b)
	case b == nowhere && imm == 0:
		t = enc.TestRR(t, s, a, a)
	case b == nowhere:
		t = enc.RI(t, enc.CMP, s, a, imm)
	default:
		t = enc.RR(t, enc.CMP, s, a, b)
	}
	e.asm.Text = t
}

// needed reports whether what register r holds is still needed somewhere else
// than in r: at another home that has no copy yet, or by the comparison.
func (e *emitter) needed(r enc.Reg) bool {
	x := e.holds[r]
	if x == opt.None {
		return false
	}
	for q, y := range e.holds {
		if y == x && enc.Reg(q) != r {
			return false // there is another copy
		}
	}
	if e.compares(x) {
		return true
	}
	for h := ir.R0; h < ir.FP; h++ {
		if e.Final[h] == x && home(h) != r {
			return true
		}
	}
	return false
}

// goHome moves what registers hold at the end to their homes, as if all at once:
// first where nothing is lost, then by exchange.
func (e *emitter) goHome() {
	for {
		moved, stuck := false, ir.FP
		for h := ir.R0; h < ir.FP; h++ {
			x := e.Final[h]
			if x == opt.None || e.holds[home(h)] == x {
				continue
			}
			if e.needed(home(h)) {
				if stuck == ir.FP || e.where(x) != nowhere {
					stuck = h
				}
				continue
			}
			e.sendHome(x, home(h))
			moved = true
		}
		if moved {
			continue
		}
		if stuck == ir.FP {
			return
		}
		e.exchange(e.Final[stuck], home(stuck))
	}
}

// sendHome puts x into register r.
func (e *emitter) sendHome(x opt.ID, r enc.Reg) {
	from := e.where(x)
	if v := &e.Values[x]; from == nowhere { // a constant
		e.constant(r, uint64(v.Imm))
	} else {
		e.asm.Text = enc.MovRR(e.asm.Text, enc.S64, r, from)
	}
	e.holds[r] = x
}

// exchange makes room in register r for x, keeping what r holds.
func (e *emitter) exchange(x opt.ID, r enc.Reg) {
	for _, free := range []enc.Reg{scratch0, scratch1} {
		if e.holds[free] == opt.None {
			e.asm.Text = enc.MovRR(e.asm.Text, enc.S64, free, r)
			e.holds[free], e.holds[r] = e.holds[r], opt.None
			return
		}
	}
	from := e.where(x)
	if from == nowhere || from == enc.RBP { // no register is left: what r holds takes any that is not needed
		e.spilled = true
		e.holds[r] = x
		return
	}
	e.asm.Text = enc.Xchg2(e.asm.Text, r, from)
	e.holds[r], e.holds[from] = x, e.holds[r]
}
