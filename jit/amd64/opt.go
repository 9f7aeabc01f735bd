package amd64

import (
	"fmt"
	"io"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/cfg"
	"github.com/bpfproof/bpfproof/ir/dump"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// optimiser is the optimising tier: registers are at home at cuts only.
type optimiser struct {
	target jit.Target
	off    map[opt.Pass]bool
	dump   *dump.Sink
	harden bool
	seed   uint64
}

// NewTier returns the compiler of a tier. A pass that does not exist is an
// error.
func NewTier(t jit.Target, o jit.Options) (jit.Backend, error) {
	if o.Tier == jit.Baseline {
		b := newBackend(t)
		b.harden, b.seed = o.Harden, o.Seed
		return b, nil
	}
	off := map[opt.Pass]bool{}
	for _, name := range o.Off {
		if !slices.ContainsFunc(opt.Passes(), func(p opt.Info) bool { return p.Name == opt.Pass(name) }) {
			return nil, fmt.Errorf("amd64: switch off pass %q: there is none of that name", name)
		}
		off[opt.Pass(name)] = true
	}
	return optimiser{t, off, o.Dump, o.Harden, o.Seed}, nil
}

// Arch returns "amd64".
func (optimiser) Arch() string { return Arch }

// Compile compiles p as Compile of the baseline does.
func (b optimiser) Compile(p *ir.Program) (*jit.Code, error) {
	if len(p.Funcs) == 0 {
		return nil, fmt.Errorf("amd64: compile %q: its functions are not listed", p.Name)
	}
	g, err := cfg.Build(p)
	if err != nil {
		return nil, err
	}
	c := newCompiler(p, b.target, jit.NewAssembler(brancher{}, 0, 0))
	c.multiplies = !b.off[opt.PassDivide]
	s := &segments{compiler: c, b: b, cuts: make([]bool, len(p.Insns))}
	var hints []jit.Hint
	if b.harden { // an inlined lookup has the map's size in it
		c.blind = &blinder{b.seed}
	} else {
		c.facts, hints = trackMaps(p, b.target)
	}
	s.mapHints = map[ir.PC][]jit.Hint{}
	for _, h := range hints {
		s.mapHints[h.PC] = append(s.mapHints[h.PC], h)
	}
	s.bounded = jit.ShortLoops(p)
	for i := range p.Funcs {
		if err := s.function(g, i); err != nil {
			return nil, err
		}
	}
	c.asm.Bind(c.slots + jit.Label(len(p.Funcs)))
	code, err := c.finish()
	if err != nil {
		return nil, err
	}
	code.Cuts, code.Uncounted = s.cuts, s.uncounted
	return code, nil
}

// segments compiles functions segment by segment.
type segments struct {
	*compiler
	b         optimiser
	cuts      []bool
	uncounted []ir.PC
	mapHints  map[ir.PC][]jit.Hint
	config    opt.Config
	next      ir.PC // where the code behind the segment's begins, -1 for nowhere
}

// fallTo appends the jump to pc, if its code is not behind the segment's.
func (s *segments) fallTo(pc ir.PC) {
	if pc != s.next {
		s.asm.Branch(always, jit.Label(pc))
	}
}

func (s *segments) function(g *cfg.Graph, i int) error {
	start, end := s.p.Funcs[i].PC, s.funcEnd(i)
	s.config = opt.Config{Alone: s.alone, Off: s.b.off, Bounded: s.bounded, Swaps: s.target.MOVBE, Blind: s.b.harden}
	plan := opt.New(s.p, g, start, end, s.config)
	s.begin(i)
	for k, n := range plan.Order {
		seg := &plan.Segments[n]
		s.next = ir.PC(-1)
		if k+1 < len(plan.Order) {
			s.next = plan.Segments[plan.Order[k+1]].Start
		}
		if s.hint(seg); seg.Align {
			s.asm.Align()
		}
		if !seg.Alone {
			if err := s.straight(plan, seg); err != nil {
				return err
			}
			continue
		}
		s.asm.Bind(jit.Label(seg.Start))
		s.live = seg.Out
		if err := s.lower(seg.Start, s.p.Insns[seg.Start]); err != nil {
			return err
		}
		if s.p.Insns[seg.Start].FallsThrough() {
			s.fallTo(seg.End)
		}
	}
	s.pollsBehind()
	for pc, in := range s.p.Insns[start:end] {
		pc := start + ir.PC(pc)
		if target, ok := in.Target(pc); ok && target <= pc && !plan.Counts[pc] && in.Kind() != ir.KindCall && in.Kind() != ir.KindLoadImm {
			s.uncounted = append(s.uncounted, pc)
		}
	}
	return nil
}

// hint states what holds at the start of a segment.
func (s *segments) hint(seg *opt.Segment) {
	s.cuts[seg.Start] = true
	for r := ir.R0; r < ir.FP; r++ {
		switch {
		case !seg.In.Has(r):
			s.hints = append(s.hints, jit.Hint{PC: seg.Start, Reg: r, Kind: jit.HintDead})
		case seg.Upper.Has(r):
			s.hints = append(s.hints, jit.Hint{PC: seg.Start, Reg: r, Kind: jit.HintUpper})
		}
	}
	for _, h := range s.mapHints[seg.Start] {
		if seg.In.Has(h.Reg) {
			s.hints = append(s.hints, h)
		}
	}
}

// alone says which instructions are lowered as the baseline does: those that
// call, loop or divide, and those that need certain registers.
func (s *segments) alone(in ir.Insn) bool {
	row := in.Row()
	switch row.Kind {
	case ir.KindALU:
		switch row.ALU {
		case ir.Div, ir.Mod:
			return !s.config.PlainDivision(in)
		case ir.SDiv, ir.SMod:
			return true
		case ir.Lsh, ir.Rsh, ir.Arsh:
			return row.Src == ir.X && !s.target.BMI2 || in.WritesFP()
		}
	case ir.KindLoadImm:
		switch row.Pseudo {
		case ir.PseudoNone, ir.PseudoMapFD, ir.PseudoMapIdx, ir.PseudoMapValue, ir.PseudoMapIdxV, ir.PseudoFunc:
		default:
			return true
		}
	case ir.KindSwap, ir.KindLoad, ir.KindLoadAcquire, ir.KindStore, ir.KindStoreRelease, ir.KindJump, ir.KindBranch, ir.KindExit:
	default:
		return true
	}
	return in.WritesFP()
}

// straight compiles a segment of straight code: with all passes, or where the
// registers do not suffice for what they make of it, with none.
func (s *segments) straight(plan *opt.Plan, seg *opt.Segment) error {
	e := &emitter{segments: s, Code: plan.Values(seg, s.b.dump)}
	at := s.asm.Mark()
	if e.emit(); e.spilled {
		s.asm.Reset(at)
		e = &emitter{segments: s, Code: plan.Build(seg)}
		if e.emit(); e.spilled {
			return fmt.Errorf("amd64: compile insn %d: the registers do not suffice", seg.Start)
		}
	}
	if s.b.dump != nil {
		s.b.dump.Phase(fmt.Sprintf("jit/insn%d/registers", seg.Start), e.registers)
	}
	return nil
}

// registers writes where the segment's values are.
func (e *emitter) registers(w io.Writer) {
	for i, r := range e.placed {
		if v := &e.Values[i]; v.Op == opt.Entry {
			fmt.Fprintf(w, "%4d: v%d in %v from the start\n", v.PC, i, home(v.Reg))
		} else if r != nowhere {
			fmt.Fprintf(w, "%4d: v%d in %v\n", v.PC, i, r)
		}
	}
}
