package opt

import (
	"math/bits"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/cfg"
	"github.com/bpfproof/bpfproof/jit"
)

// Regs is a set of eBPF registers, one bit each.
type Regs uint16

// Has reports whether r is in the set.
func (s Regs) Has(r ir.Reg) bool { return s>>r&1 != 0 }

func (s Regs) with(rs ...ir.Reg) Regs {
	for _, r := range rs {
		s |= 1 << r
	}
	return s
}

// All are the registers r0 to r9; Args those that hold arguments.
const (
	All  Regs = 1<<ir.FP - 1
	Args Regs = 1<<ir.R1 | 1<<ir.R2 | 1<<ir.R3 | 1<<ir.R4 | 1<<ir.R5
)

// Config is what a backend wants.
type Config struct {
	// Alone says of an instruction that the backend compiles it by itself, with
	// every register at home: then it is a segment of its own. Calls, packet
	// loads and may_goto have to be.
	Alone func(in ir.Insn) bool
	// Off lists the passes that are left out.
	Off map[Pass]bool
	// Bounded lists the jumps backward of loops that are short for certain
	// (jit.ShortLoops).
	Bounded []ir.PC
	// Swaps says that there are loads and stores that reverse bytes.
	Swaps bool
	// Blind makes of every immediate, but amounts of shifts, a constant of its own
	// and lets no pass turn it back.
	Blind bool
}

// Segment is the straight code [Start, End) between two cuts.
type Segment struct {
	Start, End ir.PC
	After      ir.PC // where control goes if its last branch is not taken, or it has none
	In, Out    Regs  // live at its start and its end
	Upper      Regs  // whose upper halves are zero at its start
	Alone      bool
	Align      bool   // it is the head of an innermost loop
	Skips      []Skip // in order, apart from each other
	succs      []int
}

// Skip are instructions of a segment that are behind a branch over them: they are
// done only if it is not taken.
type Skip struct{ From, To ir.PC }

// skipAt returns the skip that begins, or ends, at pc.
func (s *Segment) skipAt(pc ir.PC) (begins, ends bool) {
	for _, k := range s.Skips {
		begins, ends = begins || k.From == pc, ends || k.To == pc
	}
	return begins, ends
}

// Plan is a function cut into segments.
type Plan struct {
	Segments []Segment
	Order    []int          // of the segments' code: indices, 0 first
	Counts   map[ir.PC]bool // jumps backward that count down the budget
	p        *ir.Program
	cfg      Config
	buffer   []Value // of the segment that was built last, and the lists beside it
	alias    []ID
	counts   []int32
}

// maxSegment bounds the instructions of a segment, and so the work of the proof.
const maxSegment = 192

// New cuts the function that lies at [start, end) of a well-formed program. g is
// the program's control flow.
func New(p *ir.Program, g *cfg.Graph, start, end ir.PC, c Config) *Plan {
	f := &Plan{p: p, cfg: c, Counts: map[ir.PC]bool{}}
	f.cut(start, end)
	f.live()
	f.upper()
	f.count(g, start, end)
	f.layout(g)
	return f
}

func jumps(in ir.Insn) bool {
	k := in.Kind()
	return k == ir.KindJump || k == ir.KindBranch || k == ir.KindMayGoto
}

// usesAndSets returns the registers that an instruction reads and writes.
func usesAndSets(in ir.Insn) (uses, sets Regs) {
	row := in.Row()
	if row.Uses&ir.UseSrc != 0 {
		uses = uses.with(in.Src)
	}
	switch row.Kind {
	case ir.KindALU:
		if row.ALU != ir.Mov && row.ALU.MovSX() == 0 {
			uses = uses.with(in.Dst)
		}
	case ir.KindSwap, ir.KindStore, ir.KindStoreRelease, ir.KindBranch, ir.KindAtomic:
		uses = uses.with(in.Dst)
	case ir.KindLoadPacket:
		return uses.with(ir.R6), Args.with(ir.R0)
	case ir.KindCall:
		return Args, Args.with(ir.R0)
	case ir.KindExit:
		return uses.with(ir.R0), 0
	}
	if row.Kind == ir.KindAtomic && row.Atomic == ir.AtomicCmpXchg {
		return uses.with(ir.R0), sets.with(ir.R0)
	}
	if r, ok := in.Writes(); ok {
		sets = sets.with(r)
	}
	return uses, sets
}

// live finds the registers that are read before they are written, backward to a
// fixpoint. A register that is not live may hold anything.
func (f *Plan) live() {
	if f.cfg.Off[PassLive] {
		for i := range f.Segments {
			f.Segments[i].In, f.Segments[i].Out = All, All
		}
		return
	}
	for changed := true; changed; {
		changed = false
		for i := len(f.Segments) - 1; i >= 0; i-- {
			s := &f.Segments[i]
			out := Regs(0)
			for _, n := range s.succs {
				out |= f.Segments[n].In
			}
			in := f.liveBefore(s, out)
			changed = changed || in != s.In
			s.In, s.Out = in, out
		}
	}
}

func (f *Plan) liveBefore(s *Segment, live Regs) Regs {
	join := live
	for pc := s.End - 1; pc >= s.Start; pc-- {
		if f.p.Insns[pc].Op == ir.OpPad {
			continue
		}
		if begins, ends := s.skipAt(pc + 1); ends {
			join = live
		} else if begins {
			live |= join
		}
		uses, sets := usesAndSets(f.p.Insns[pc])
		live = live&^sets | uses
	}
	return live & All
}

// upper finds the registers whose upper halves are zero on every way to a cut,
// forward to a fixpoint.
func (f *Plan) upper() {
	if f.cfg.Off[PassUpper] {
		return
	}
	for i := range f.Segments {
		if i > 0 {
			f.Segments[i].Upper = All
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range f.Segments {
			s := &f.Segments[i]
			k := f.upperBehind(s)
			for _, n := range s.succs {
				if met := f.Segments[n].Upper & k; met != f.Segments[n].Upper {
					f.Segments[n].Upper, changed = met, true
				}
			}
		}
	}
}

func (f *Plan) upperBehind(s *Segment) Regs {
	k, skipped := s.Upper, All
	for pc := s.Start; pc < s.End; pc++ {
		if begins, ends := s.skipAt(pc); begins {
			skipped = k
		} else if ends {
			k &= skipped
		}
		if f.p.Insns[pc].Op != ir.OpPad {
			k = upperAfter(f.p.Insns[pc], k)
		}
	}
	if _, ends := s.skipAt(s.End); ends {
		k &= skipped
	}
	return k
}

// upperAfter returns what has no upper half behind an instruction.
func upperAfter(in ir.Insn, k Regs) Regs {
	row := in.Row()
	_, sets := usesAndSets(in)
	next := k &^ sets
	zero := false
	switch row.Kind {
	case ir.KindALU:
		zero = row.Width == ir.W32 || upperALU(in, row, k)
	case ir.KindSwap:
		zero = row.Width < ir.W64
	case ir.KindLoadImm:
		zero = row.Pseudo == ir.PseudoNone && uint64(in.Imm) == uint64(uint32(in.Imm))
	case ir.KindLoad, ir.KindLoadAcquire:
		zero = row.Width < ir.W64 && !row.Signed
	case ir.KindAtomic:
		zero = row.Width < ir.W64
	}
	if zero && bits.OnesCount16(uint16(sets)) == 1 {
		next |= sets
	}
	return next
}

// upperALU is upperAfter for the 64-bit operations that can keep an upper half
// zero.
func upperALU(in ir.Insn, row *ir.Row, k Regs) bool {
	dst, src := k.Has(in.Dst), row.Src == ir.X && k.Has(in.Src) || row.Src == ir.K && in.Imm >= 0
	switch row.ALU {
	case ir.Mov:
		return src
	case ir.And:
		return dst || src
	case ir.Or, ir.Xor:
		return dst && src
	case ir.Rsh:
		return row.Src == ir.K && (dst || in.Imm&63 >= 32)
	}
	return false
}

// count says which jumps backward count down the budget: all, but those that
// lead to no head of a loop around them, as long as every cycle keeps one that
// counts.
func (f *Plan) count(g *cfg.Graph, start, end ir.PC) {
	free := map[ir.PC]bool{}
	tries := 0
	short := map[ir.PC]bool{}
	if !f.cfg.Off[PassBounded] {
		for _, pc := range f.cfg.Bounded {
			short[pc], free[pc] = true, false
		}
	}
	for pc := start; pc < end; pc += f.p.Insns[pc].Row().Slots() {
		in := f.p.Insns[pc]
		target, ok := in.Target(pc)
		if !ok || !jumps(in) || target > pc || short[pc] {
			continue
		}
		f.Counts[pc] = true
		if f.cfg.Off[PassPoll] || tries > maxPollTries || g.Dominates(g.BlockAt(target), g.BlockAt(pc)) {
			continue
		}
		tries++
		if free[pc] = true; jit.Cyclic(f.p, free, start, end) {
			delete(free, pc)
		} else {
			delete(f.Counts, pc)
		}
	}
}

// maxPollTries bounds the jumps that count looks at.
const maxPollTries = 32
