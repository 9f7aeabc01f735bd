package explain

import (
	"slices"
	"strings"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/verifier"
)

// slice returns the steps that decide what the last one finds in the registers
// that its demand is about: those that make these values, and the branches that
// taught the verifier something of them.
func (w *way) slice(f *fact) []Step {
	last := len(w.path.Steps) - 1
	needed := map[verifier.Place]bool{}
	for _, p := range w.demanded(f) {
		needed[p] = true
	}
	var steps []Step
	for i := last - 1; i >= 0; i-- {
		e := w.effect(i)
		steps = append(steps, w.meet(i, &e, needed)...)
		if at, ok := w.decides(i, &e, needed); ok {
			steps = append(steps, w.step(i, at))
		}
	}
	slices.Reverse(steps)
	return steps
}

// meet returns a step for each needed place of which less is known after the
// step, though that does not write it: there the states of several paths were
// put together.
func (w *way) meet(step int, e *effect, needed map[verifier.Place]bool) []Step {
	var steps []Step
	for at := range needed {
		before, after := w.path.At(step, at), w.path.At(step+1, at)
		grew := after.Bounds.SMin < before.Bounds.SMin || after.Bounds.SMax > before.Bounds.SMax || after.Room < before.Room
		if contains(e.defs, at) || before.Kind != after.Kind || before.Kind == "" || !grew {
			continue
		}
		pc := w.path.Steps[step+1].PC
		steps = append(steps, Step{PC: pc, Insn: "(paths meet)", Line: lineOf(w.p, pc), Place: at.String(), State: short(after)})
	}
	slices.SortFunc(steps, func(a, b Step) int { return strings.Compare(b.Place, a.Place) })
	return steps
}

// demanded lists the places that the last step's demand is about.
func (w *way) demanded(f *fact) []verifier.Place {
	frame := w.path.Steps[len(w.path.Steps)-1].Frame
	var places []verifier.Place
	d := w.path.Failed
	if d.Reg != verifier.NoReg {
		places = append(places, reg(frame, d.Reg))
	}
	if d.Other != verifier.NoReg {
		places = append(places, reg(frame, d.Other))
	}
	if f != nil {
		places = append(places, f.place)
	}
	return places
}

// decides tells whether the step decides a needed place, and which; it replaces
// what the step makes by what it makes it of.
func (w *way) decides(step int, e *effect, needed map[verifier.Place]bool) (at verifier.Place, ok bool) {
	for r := ir.R1; r <= ir.R5; r++ {
		callee := reg(w.path.Steps[step].Frame+1, r)
		if from, copied := w.argument(step, callee); copied && needed[callee] {
			delete(needed, callee)
			needed[from] = true
			at, ok = callee, true
		}
	}
	if ok {
		return at, true
	}
	if w.p.Insns[w.path.Steps[step].PC].Kind() == ir.KindBranch {
		for _, u := range e.uses {
			if w.related(step, u, needed) {
				at, ok = u, true
				break
			}
		}
		if ok {
			for _, u := range e.uses {
				needed[u] = true
			}
		}
		return at, ok
	}
	for _, d := range e.defs {
		if needed[d] {
			delete(needed, d)
			if !ok {
				at, ok = d, true
			}
		}
	}
	if ok {
		for _, u := range e.uses {
			needed[u] = true
		}
	}
	return at, ok
}

// packet is the kind of pointers into the packet, of which those with the same
// link learn their range together.
const packet = "pkt"

// related reports that a place is needed, or linked with a needed one.
func (w *way) related(step int, at verifier.Place, needed map[verifier.Place]bool) bool {
	if needed[at] {
		return true
	}
	v := w.path.At(step, at)
	for p := range needed {
		n := w.path.At(step, p)
		if v.Link == n.Link && (v.Link != 0 || v.Kind == packet && n.Kind == packet) {
			return true
		}
	}
	return false
}

func (w *way) step(i int, at verifier.Place) Step {
	pc := w.path.Steps[i].PC
	v := w.path.At(i+1, at)
	return Step{PC: pc, Insn: asm.Insn(w.p, pc), Line: lineOf(w.p, pc), Place: at.String(), State: short(v)}
}
