package explain

import (
	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/verifier"
)

// way is a path of a program, seen as one straight line of instructions.
type way struct {
	p    *ir.Program
	path *verifier.Path
}

// effect is what one step of a path does to registers and stack slots. Since
// the path is known, so is where a stack pointer with a fixed offset leads.
type effect struct {
	defs, uses []verifier.Place
	// from is the place that the first of defs is a copy of, moved by delta;
	// nil where something else is computed.
	from  *verifier.Place
	delta int64
	// sum is set where the first of defs is from plus another operand.
	sum *verifier.Place
	neg bool // sum is subtracted
}

func reg(frame int, r ir.Reg) verifier.Place { return verifier.Place{Frame: frame, Reg: r} }

// effect returns what the step does.
func (w *way) effect(step int) effect {
	s := w.path.Steps[step]
	in := w.p.Insns[s.PC]
	row := in.Row()
	dst, src := reg(s.Frame, in.Dst), reg(s.Frame, in.Src)
	var e effect
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		return w.alu(step, in, dst, src)
	case ir.KindLoadImm:
		e.defs = []verifier.Place{dst}
	case ir.KindLoad, ir.KindLoadAcquire:
		e.defs, e.uses = []verifier.Place{dst}, []verifier.Place{src}
		if at, ok := w.slot(step, src, int64(in.Off)); ok {
			e.uses, e.from = append(e.uses, at), &at
		}
	case ir.KindStore, ir.KindStoreRelease:
		e.uses = []verifier.Place{dst}
		if at, ok := w.slot(step, dst, int64(in.Off)); ok {
			e.defs = []verifier.Place{at}
			if row.Src == ir.X || row.Kind == ir.KindStoreRelease {
				e.from = &src
			}
		}
		if row.Src == ir.X || row.Kind == ir.KindStoreRelease {
			e.uses = append(e.uses, src)
		}
	case ir.KindAtomic:
		e.uses = []verifier.Place{dst, src}
		if row.Atomic == ir.AtomicCmpXchg {
			e.defs = append(e.defs, reg(s.Frame, ir.R0))
		} else if row.Fetch {
			e.defs = append(e.defs, src)
		}
		if at, ok := w.slot(step, dst, int64(in.Off)); ok {
			e.defs = append(e.defs, at)
		}
	case ir.KindBranch:
		e.uses = []verifier.Place{dst}
		if row.Src == ir.X {
			e.uses = append(e.uses, src)
		}
	case ir.KindLoadPacket:
		e.defs, e.uses = clobbered(s.Frame), []verifier.Place{reg(s.Frame, ir.R6)}
	case ir.KindCall:
		return w.call(step, in)
	case ir.KindExit:
		e.uses = []verifier.Place{reg(s.Frame, ir.R0)}
		if next := step + 1; s.Frame > 0 && next < len(w.path.Steps) && w.path.Steps[next].Frame == s.Frame-1 {
			e.defs, e.from = []verifier.Place{reg(s.Frame-1, ir.R0)}, &e.uses[0]
		}
	}
	return e
}

func (w *way) alu(step int, in ir.Insn, dst, src verifier.Place) effect {
	row := in.Row()
	e := effect{defs: []verifier.Place{dst}}
	if row.Kind == ir.KindALU && row.ALU == ir.Mov {
		if row.Src == ir.X {
			e.uses = []verifier.Place{src}
			if v := w.path.At(step, src); row.Width == ir.W64 || !v.Pointer && v.Bounds.UMax <= ir.W32.Mask() {
				e.from = &src
			}
		}
		return e
	}
	if row.ALU.MovSX() == 0 {
		e.uses = []verifier.Place{dst}
	}
	if row.Src == ir.X {
		e.uses = append(e.uses, src)
	}
	if row.Kind != ir.KindALU || row.Width != ir.W64 || row.ALU != ir.Add && row.ALU != ir.Sub {
		return e
	}
	e.from, e.neg = &dst, row.ALU == ir.Sub
	switch c, known := constant(w.path.At(step, src)); {
	case row.Src == ir.K:
		e.delta = in.Imm
	case known:
		e.delta = c
	case w.path.At(step, src).Pointer:
		e.from, e.sum = &src, &dst
	default:
		e.sum = &src
	}
	if e.neg && e.sum == nil {
		e.delta = -e.delta
	}
	return e
}

// constant returns the number that a place is known to hold.
func constant(v verifier.Value) (int64, bool) {
	return v.Bounds.SMin, v.Kind == "scalar" && v.Bounds.SMin == v.Bounds.SMax
}

// slot returns the stack slot that an access at base + off touches.
func (w *way) slot(step int, base verifier.Place, off int64) (verifier.Place, bool) {
	v := w.path.At(step, base)
	at := v.Off + v.Bounds.SMin + off
	if v.Kind != "fp" || v.Bounds.SMin != v.Bounds.SMax || at < -ir.StackSize || at >= 0 {
		return verifier.Place{}, false
	}
	return verifier.Place{Frame: v.Frame, Stack: true, Slot: int(-at-1) / 8}, true
}

func clobbered(frame int) []verifier.Place {
	var places []verifier.Place
	for r := ir.R0; r <= ir.R5; r++ {
		places = append(places, reg(frame, r))
	}
	return places
}

// call is the effect of a call. The registers that a function finds its
// arguments in are made by copies, see argument.
func (w *way) call(step int, in ir.Insn) effect {
	s := w.path.Steps[step]
	e := effect{defs: clobbered(s.Frame)}
	if in.Row().Pseudo == ir.CallLocal {
		for r := ir.R1; r <= ir.R5; r++ {
			e.uses = append(e.uses, reg(s.Frame, r))
		}
		return e
	}
	h, ok := abi.HelperFor(abi.HelperID(in.Imm), w.p.Type)
	if in.Row().Pseudo != ir.CallHelper || !ok {
		return e
	}
	for i, a := range h.Args {
		if a == abi.NoArg {
			continue
		}
		r := reg(s.Frame, ir.R1+ir.Reg(i))
		e.uses = append(e.uses, r)
		if at, ok := w.slot(step, r, 0); ok {
			e.uses = append(e.uses, at)
			if writes(a) {
				e.defs = append(e.defs, at)
			}
		}
	}
	return e
}

// writes reports whether helpers write the memory of an argument of the class.
func writes(a abi.Arg) bool {
	switch a {
	case abi.ArgUninitMem, abi.ArgInOutMem, abi.ArgUninitValue, abi.ArgUninitFixed, abi.ArgInOutFixed:
		return true
	}
	return false
}

// argument returns the place in the calling frame that a local call copied to at,
// if the step is such a call.
func (w *way) argument(step int, at verifier.Place) (verifier.Place, bool) {
	s := w.path.Steps[step]
	in := w.p.Insns[s.PC]
	enters := in.Kind() == ir.KindCall && in.Row().Pseudo == ir.CallLocal && at.Frame == s.Frame+1
	if !enters || at.Stack || at.Reg < ir.R1 || at.Reg > ir.R5 {
		return verifier.Place{}, false
	}
	return reg(s.Frame, at.Reg), true
}
