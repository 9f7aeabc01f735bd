package explain

import (
	"fmt"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
)

// loss follows the fact's place backwards from the last step and tells where
// the fact stopped to hold, or that it never did.
//
// While a step copies the value, or adds a number to it, the fact moves with it.
// A place that a step does not touch, but of which less is known after it, lost
// it where paths met, or to a call.
func (w *way) loss(f *fact) *Loss {
	at, g := f.place, *f
	for i := len(w.path.Steps) - 2; i >= 0; i-- {
		if from, ok := w.argument(i, at); ok {
			at = from
			continue
		}
		e := w.effect(i)
		if !contains(e.defs, at) {
			if before := w.path.At(i, at); g.ok(before) && !g.ok(w.path.At(i+1, at)) {
				return w.lostAside(i, at)
			}
			continue
		}
		if e.from == nil || e.defs[0] != at {
			return w.lostAt(i, at, &g, w.held(i, at, &g))
		}
		moved := g
		next, ok := w.follow(i, &e, &moved)
		if !ok {
			return w.lostAt(i, at, &g, w.held(i, at, &g))
		}
		if moved.ok(w.path.At(i, next)) {
			return w.lostAt(i, at, &g, true)
		}
		at, g = next, moved
	}
	l := &Loss{PC: w.path.Steps[0].PC, How: Never, Place: at.String(), After: short(w.path.At(0, at))}
	l.Text = fmt.Sprintf("%s is as the program found it, %s: nothing on the path wrote it", at, l.After)
	return l
}

func contains(places []verifier.Place, at verifier.Place) bool {
	for _, p := range places {
		if p == at {
			return true
		}
	}
	return false
}

// follow moves the fact over a step that makes its place of another one plus a
// number, and returns that place: the operand that is less known, if both are
// not.
func (w *way) follow(step int, e *effect, g *fact) (verifier.Place, bool) {
	from := *e.from
	if !g.num {
		return from, true
	}
	v := w.path.At(step, from)
	if e.sum == nil {
		if !v.Pointer { // a pointer's variable part stays
			g.shift(e.delta)
		}
		return from, true
	}
	s := w.path.At(step, *e.sum)
	switch {
	case e.neg || s.Pointer:
		return from, false
	case v.Bounds.SMin == v.Bounds.SMax: // known + unknown
		if !v.Pointer || v.Bounds.SMin != 0 {
			g.shift(v.Bounds.SMin)
		}
		return *e.sum, true
	}
	return from, false
}

// shift moves the interval to what a number must be for the number plus n to be
// in it.
func (g *fact) shift(n int64) {
	lo, hi := g.lo-n, g.hi-n
	if (lo > g.lo) != (n < 0) && n != 0 || (hi > g.hi) != (n < 0) && n != 0 {
		return // out of range: nothing fits
	}
	g.lo, g.hi, g.ok = lo, hi, between(lo, hi)
}

// lostAside is a loss at a step that does not write the place.
func (w *way) lostAside(step int, at verifier.Place) *Loss {
	pc, next := w.path.Steps[step].PC, w.path.Steps[step+1].PC
	l := &Loss{PC: next, How: Join, Place: at.String(), Before: w.text(step, at), After: w.text(step+1, at)}
	l.Text = fmt.Sprintf("where paths meet before insn %d, %s was %s and is %s", next, at, l.Before, l.After)
	switch w.p.Insns[pc].Kind() {
	case ir.KindCall, ir.KindLoadPacket:
		l.PC, l.How = pc, Call
		l.Text = fmt.Sprintf("%s at insn %d takes it away: %s was %s and is %s", asm.Insn(w.p, pc), pc, at, l.Before, l.After)
	case ir.KindBranch:
		if !w.meets(next) || w.p.Insns[pc].Dst == at.Reg && !at.Stack {
			l.PC, l.How = pc, Branch
			l.Text = fmt.Sprintf("%s at insn %d, as the path goes on, makes %s of %s %s", asm.Insn(w.p, pc), pc, l.After, at, l.Before)
		}
	}
	return l
}

// meets reports that an instruction can be come to in several ways.
func (w *way) meets(pc ir.PC) bool {
	ways := 0
	for from, in := range w.p.All() {
		if to, ok := in.Target(from); ok && to == pc && in.Kind() != ir.KindLoadImm {
			ways++
		}
		if in.FallsThrough() && from+in.Row().Slots() == pc {
			ways++
		}
	}
	return ways > 1
}

func (w *way) text(step int, at verifier.Place) string { return short(w.path.At(step, at)) }

// held reports that the fact holds of something that the step computes with.
func (w *way) held(step int, at verifier.Place, g *fact) bool {
	held := g.ok(w.path.At(step, at))
	for _, u := range w.effect(step).uses {
		held = held || g.ok(w.path.At(step, u))
	}
	return held
}

// lostAt is a loss at the step that makes the value; held says that it had the
// property before.
func (w *way) lostAt(step int, at verifier.Place, g *fact, held bool) *Loss {
	pc := w.path.Steps[step].PC
	in := w.p.Insns[pc]
	if g.never != "" && in.Kind() == ir.KindLoad {
		return &Loss{PC: pc, How: Never, Place: at.String(), After: w.text(step+1, at), Text: g.never}
	}
	l := &Loss{PC: pc, How: Never, Place: at.String(), After: w.text(step+1, at)}
	insn := asm.Insn(w.p, pc)
	switch in.Kind() {
	case ir.KindCall, ir.KindLoadPacket:
		l.How, l.Before = Call, w.text(step, at)
		l.Text = fmt.Sprintf("%s at insn %d leaves %s in %s", insn, pc, l.After, at)
		if !at.Stack && at.Reg != ir.R0 {
			l.Text = fmt.Sprintf("%s at insn %d makes %s unreadable", insn, pc, at)
		} else if g.num {
			l.Text += g.want()
		}
		return l
	case ir.KindALU, ir.KindSwap:
		l.Before = w.operands(step, in)
		if held {
			l.How = Operator
		}
		l.Text = fmt.Sprintf("%s at insn %d makes %s of %s", insn, pc, l.After, l.Before)
		if l.Before == "" {
			l.Text = fmt.Sprintf("%s at insn %d sets %s to %s", insn, pc, at, l.After)
		}
	case ir.KindLoad, ir.KindLoadAcquire, ir.KindAtomic:
		l.Text = fmt.Sprintf("%s at insn %d reads it from %s, which may hold %s", insn, pc, w.source(step, in), l.After)
	default:
		l.Text = fmt.Sprintf("%s at insn %d sets %s to %s", insn, pc, at, l.After)
	}
	if g.num {
		l.Text += g.want()
	}
	return l
}

// want says which interval the number would have to be in.
func (g *fact) want() string { return fmt.Sprintf("; needed is [%d, %d]", g.lo, g.hi) }

// operands lists what the step computes with.
func (w *way) operands(step int, in ir.Insn) string {
	text := ""
	for _, u := range w.effect(step).uses {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s=%s", u, w.text(step, u))
	}
	return text
}

// source names the memory that an instruction reads.
func (w *way) source(step int, in ir.Insn) string {
	base := in.Src
	if in.Kind() == ir.KindAtomic {
		base = in.Dst
	}
	v := w.path.At(step, reg(w.path.Steps[step].Frame, base))
	switch v.Kind {
	case packet:
		return "the packet"
	case "ctx":
		if c, _, _ := abi.ContextFor(w.p.Type, abi.AttachType(w.p.AttachType)); c != nil {
			if f := c.Field(int(in.Off), in.Row().Width.Bytes()); f != nil {
				return "context field " + f.Name
			}
		}
		return "the context"
	case "fp":
		return "the stack"
	case "map_value":
		if v.Map >= 0 {
			return fmt.Sprintf("map %q", w.p.Maps[v.Map].Name)
		}
	}
	return "memory (" + v.Kind + ")"
}
