package explain

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/smt"
	"github.com/bpfproof/bpfproof/verifier"
)

// watch sees every instruction of one run.
type watch struct {
	p     *ir.Program
	path  *verifier.Path // nil if there is none
	at    ir.PC          // the refused instruction
	clock clock

	steps    uint64
	progress int // steps of the path that the run has followed
	off      bool
	last     ir.PC
	regs     [ir.NumRegs]uint64 // before the last instruction
	started  bool
	missed   *divergence
	lookups  []lookup
	random   bool              // a random number was asked for
	held     map[uint64]string // what the run holds, by address
	stuck    bool              // it waits for a lock that it holds itself
	parts    []part            // where the input's bytes lie
	reads    []site            // which of them were read
	maps     map[uint64]int    // index in Program.Maps, by handle
	layout   *abi.Context      // nil if the program has no context
	ctx      uint64            // addresses of the context and of the outermost frame's r10
	frame    uint64
	ctxPart  int // number of the context among the parts, 0 if the input has none

	mirror *mirror       // nil if nobody asks how registers depend on the input
	query  []smt.Term    // what would break the rule at the refused instruction
	code   verifier.Code // of the finding

	shadow  shadow
	objects objects
	strayed *stray // the first access that left its object
	unread  bool   // the refused instruction read what was never written
	endless bool
	clean   bool // nothing was written since seen was taken
	seen    [ir.NumRegs]uint64
	visits  int // of the refused instruction
}

// divergence is the branch at which a run left the path, and what it compared.
type divergence struct {
	pc   ir.PC
	x, y uint64
}

// lookup is a key that the program looked up, and whether it was found.
type lookup struct {
	m     int
	key   string
	found bool
}

// step is called before each instruction.
func (w *watch) step(pc ir.PC, regs *[ir.NumRegs]uint64) {
	w.steps++
	if w.started {
		w.shadow.after(w.p.Insns[w.last])
		w.objects.after(w.p, w.last, &w.regs, regs)
		if w.mirror != nil && !w.off {
			w.mirror.after(w, w.last, &w.regs, regs)
		}
		if effects(w.p.Insns[w.last]) {
			w.clean = false
		}
	} else {
		w.shadow.start(w.p)
		w.place(regs)
	}
	w.follow(pc)
	if pc == w.at {
		w.arrive(pc, regs)
		w.ask(pc, regs)
	}
	w.access(w.p.Insns[pc], regs)
	if w.strayed == nil {
		w.strayed = w.objects.check(pc, w.p.Insns[pc], regs)
	}
	w.last, w.regs, w.started = pc, *regs, true
}

// effects reports that the instruction may change more than registers.
func effects(in ir.Insn) bool {
	switch in.Kind() {
	case ir.KindALU, ir.KindSwap, ir.KindLoadImm, ir.KindLoad, ir.KindLoadAcquire, ir.KindJump, ir.KindBranch:
		return false
	}
	return true
}

// follow compares the run with the path.
func (w *watch) follow(pc ir.PC) {
	if w.path == nil || w.off {
		return
	}
	if w.progress < len(w.path.Steps) && w.path.Steps[w.progress].PC == pc {
		w.progress++
		return
	}
	w.off = true
	in := w.p.Insns[w.last]
	if !w.started || in.Kind() != ir.KindBranch || w.progress >= len(w.path.Steps) {
		return
	}
	d := &divergence{pc: w.last, x: w.regs[in.Dst], y: uint64(in.Imm)}
	if in.Row().Src == ir.X {
		d.y = w.regs[in.Src]
	}
	d.x, d.y = d.x&in.Row().Width.Mask(), d.y&in.Row().Width.Mask()
	w.missed = d
}

// arrive looks at the refused instruction.
func (w *watch) arrive(pc ir.PC, regs *[ir.NumRegs]uint64) {
	if w.shadow.reads(w.p, w.p.Insns[pc]) {
		w.unread = true
	}
	if w.visits > 0 && w.clean && w.seen == *regs {
		w.endless = true
	}
	w.visits++
	if !w.clean || w.visits&(w.visits-1) == 0 { // Brent: any cycle is met once its length is below the gap
		w.seen, w.clean = *regs, true
	}
}

// helper returns a helper that is watched: for the keys it looks up, for what the
// run holds after it, and so that it does not wait for ever for a lock.
func (w *watch) helper(id abi.HelperID) (helpers.Func, bool) {
	f, ok := helpers.Lookup(id)
	seen, watched := watchers[id]
	if !ok || !watched {
		return f, ok
	}
	return func(e *helpers.Env, args [5]uint64) (uint64, error) {
		if id == abi.SpinLock {
			if b, err := e.Memory.Read(args[0], 4); err == nil && binary.LittleEndian.Uint32(b) != 0 {
				w.stuck = true
				return 0, errors.New("the lock is taken, and nobody else runs to give it back")
			}
		}
		r0, err := f(e, args)
		if err == nil {
			seen(w, e, args, r0)
		}
		return r0, err
	}, true
}

// watchers lists what is noted of helpers that did their work.
var watchers = map[abi.HelperID]func(w *watch, e *helpers.Env, args [5]uint64, r0 uint64){
	abi.GetPrandomU32:   func(w *watch, _ *helpers.Env, _ [5]uint64, _ uint64) { w.random = true },
	abi.MapLookupElem:   (*watch).looked,
	abi.MapLookupPerCPU: (*watch).looked,
	abi.SpinLock:        func(w *watch, _ *helpers.Env, args [5]uint64, _ uint64) { w.hold(args[0], "a lock") },
	abi.SpinUnlock:      (*watch).gave,
	abi.RingbufReserve: func(w *watch, _ *helpers.Env, _ [5]uint64, r0 uint64) {
		if r0 != 0 {
			w.hold(r0, "a ring buffer record")
		}
	},
	abi.RingbufSubmit:  (*watch).gave,
	abi.RingbufDiscard: (*watch).gave,
}

func (w *watch) hold(addr uint64, what string) {
	if w.held == nil {
		w.held = map[uint64]string{}
	}
	w.held[addr] = what
}

func (w *watch) gave(_ *helpers.Env, args [5]uint64, _ uint64) { delete(w.held, args[0]) }

// looked notes the key that a map was asked for.
func (w *watch) looked(e *helpers.Env, args [5]uint64, r0 uint64) {
	m, err := e.Map(args[0])
	if err != nil {
		return
	}
	if key, err := e.Memory.Read(args[1], int(m.Spec().KeySize)); err == nil {
		w.note(m, string(key), r0 != 0)
	}
}

func (w *watch) note(m maps.Map, key string, found bool) {
	i, known := w.maps[m.Handle()]
	l := lookup{i, key, found}
	if known && !slices.Contains(w.lookups, l) {
		w.lookups = append(w.lookups, l)
	}
}

// shadow knows which registers were written.
type shadow struct {
	frames []uint16 // bit n: register n was written; outermost first
	off    bool     // not followed any more: a helper called back
}

func (s *shadow) start(p *ir.Program) {
	s.frames = []uint16{1<<ir.R1 | 1<<ir.FP}
	if p.Type == ir.Unspec {
		s.frames[0] |= 1 << ir.R2
	}
}

// after does what the instruction did to the registers.
func (s *shadow) after(in ir.Insn) {
	row := in.Row()
	f := &s.frames[len(s.frames)-1]
	switch row.Kind {
	case ir.KindALU, ir.KindSwap, ir.KindLoadImm, ir.KindLoad, ir.KindLoadAcquire:
		*f |= 1 << in.Dst
	case ir.KindAtomic:
		if row.Atomic == ir.AtomicCmpXchg {
			*f |= 1 << ir.R0
		}
	case ir.KindLoadPacket:
		*f = *f&^0x3f | 1<<ir.R0
	case ir.KindCall:
		s.call(in)
	case ir.KindExit:
		if n := len(s.frames); n > 1 {
			r0 := *f & (1 << ir.R0)
			s.frames = s.frames[:n-1]
			s.frames[n-2] |= r0
		}
	}
}

func (s *shadow) call(in ir.Insn) {
	f := &s.frames[len(s.frames)-1]
	if in.Row().Pseudo == ir.CallLocal {
		args := *f & 0x3e
		*f &^= 0x3f
		s.frames = append(s.frames, args|1<<ir.FP)
		return
	}
	switch abi.HelperID(in.Imm) {
	case abi.Loop, abi.ForEachMapElem, abi.TailCall:
		s.off = true
	}
	*f = *f&^0x3f | 1<<ir.R0
}

// reads reports that the instruction reads a register that was never written.
func (s *shadow) reads(p *ir.Program, in ir.Insn) bool {
	if s.off || len(s.frames) == 0 {
		return false
	}
	return usedBy(p, in)&^s.frames[len(s.frames)-1] != 0
}

// usedBy returns the registers that an instruction reads, as bits.
func usedBy(p *ir.Program, in ir.Insn) uint16 {
	row := in.Row()
	var use uint16
	if row.Src == ir.X {
		use |= 1 << in.Src
	}
	switch row.Kind {
	case ir.KindALU, ir.KindSwap:
		if row.ALU != ir.Mov && row.ALU.MovSX() == 0 {
			use |= 1 << in.Dst
		}
	case ir.KindLoad, ir.KindLoadAcquire:
		use |= 1 << in.Src
	case ir.KindStore, ir.KindBranch:
		use |= 1 << in.Dst
	case ir.KindStoreRelease, ir.KindAtomic:
		use |= 1<<in.Dst | 1<<in.Src
	case ir.KindExit:
		use |= 1 << ir.R0
	case ir.KindCall:
		if h, ok := abi.HelperFor(abi.HelperID(in.Imm), p.Type); ok && row.Pseudo == ir.CallHelper {
			for i, a := range h.Args {
				if a != abi.NoArg {
					use |= 1 << (ir.R1 + ir.Reg(i))
				}
			}
		}
	}
	return use
}
