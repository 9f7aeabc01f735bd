package amd64

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/jit/amd64/internal/enc"
	"github.com/bpfproof/bpfproof/jit/opt"
)

// Arch is the GOARCH of this backend.
const Arch = "amd64"

type backend struct {
	target jit.Target
	harden bool
	seed   uint64
	spare  *sync.Pool // of *jit.Assembler: what compilations leave for the next
}

// New returns the baseline compiler.
func New(t jit.Target) jit.Backend { return newBackend(t) }

func newBackend(t jit.Target) backend {
	return backend{target: t, spare: &sync.Pool{New: func() any { return jit.NewAssembler(brancher{}, 0, 0) }}}
}

// Arch returns "amd64".
func (backend) Arch() string { return Arch }

// Compile compiles p, whose functions must be listed and which must be
// well-formed (jit.Compile sees to both).
func (b backend) Compile(p *ir.Program) (*jit.Code, error) {
	if len(p.Funcs) == 0 {
		return nil, fmt.Errorf("amd64: compile %q: its functions are not listed", p.Name)
	}
	asm := b.spare.Get().(*jit.Assembler)
	defer b.spare.Put(asm)
	c := newCompiler(p, b.target, asm)
	if b.harden { // an inlined lookup has the map's size in it
		c.blind = &blinder{b.seed}
	} else {
		c.facts, c.hints = trackMaps(p, b.target)
	}
	c.bounded = jit.ShortLoops(p)
	for i := range p.Funcs {
		if err := c.function(i); err != nil {
			return nil, err
		}
	}
	c.asm.Bind(c.slots + jit.Label(len(p.Funcs)))
	code, err := c.finish()
	if err == nil {
		code.Uncounted = c.bounded
	}
	return code, err
}

// compiler is the state of one compilation. Labels 0 to slots-1 are the
// program's PCs, those behind are the functions' entries, and the last one is
// the end.
type compiler struct {
	p      *ir.Program
	target jit.Target
	asm    *jit.Assembler
	slots  jit.Label
	frames []jit.Frame
	facts  map[ir.PC]int // by PC of a lookup to inline: the map that r1 holds
	hints  []jit.Hint
	polls  []poll    // of the function being compiled, to be put behind it
	frame  jit.Frame // of the function being compiled
	live   opt.Regs  // what is live behind the instruction being lowered
	blind  *blinder
	// multiplies says that divisions by constants are multiplications where they can be.
	multiplies bool
	bounded    []ir.PC // jumps backward that do not count down the budget
}

func newCompiler(p *ir.Program, t jit.Target, asm *jit.Assembler) *compiler {
	asm.Restart(len(p.Insns)+len(p.Funcs)+1, 64+8*len(p.Insns))
	return &compiler{p: p, target: t, slots: jit.Label(len(p.Insns)), live: opt.All, multiplies: true, asm: asm}
}

func (c *compiler) funcLabel(i int) jit.Label { return c.slots + jit.Label(i) }

func (c *compiler) finish() (*jit.Code, error) {
	text, relocs, err := c.asm.Finish()
	if err != nil {
		return nil, err
	}
	code := &jit.Code{Arch: Arch, Text: text, Relocs: relocs, Hints: c.hints, PCMap: make([]int32, len(c.p.Insns))}
	c.asm.Offsets(code.PCMap)
	for i, f := range c.p.Funcs {
		code.Funcs = append(code.Funcs, jit.Func{PC: f.PC, Frame: c.frames[i],
			Entry: c.asm.Offset(c.funcLabel(i)), End: c.asm.Offset(c.funcLabel(i + 1))})
	}
	return code, nil
}

// funcEnd returns the PC behind function i.
func (c *compiler) funcEnd(i int) ir.PC {
	if i+1 < len(c.p.Funcs) {
		return c.p.Funcs[i+1].PC
	}
	return c.p.Slots()
}

func (c *compiler) function(i int) error {
	start, end := c.p.Funcs[i].PC, c.funcEnd(i)
	loops := c.shortLoops(start, end)
	c.begin(i)
	for pc := start; pc < end; pc++ {
		in := &c.p.Insns[pc]
		if in.Op == ir.OpPad {
			continue
		}
		if len(loops) > 0 && loops[0].head == pc {
			c.asm.AlignUpTo(jit.Label(loops[0].end))
			loops = loops[1:]
		}
		c.asm.Bind(jit.Label(pc))
		if err := c.lower(pc, *in); err != nil {
			return err
		}
	}
	c.pollsBehind()
	return nil
}

// shortLoop is how many instructions a loop may have that is aligned.
const shortLoop = 24

// loop is one by its first instruction and the one behind the jump back to it.
type loop struct{ head, end ir.PC }

// shortLoops returns the short loops of a function in order of their heads, of
// several with one head the longest.
func (c *compiler) shortLoops(start, end ir.PC) (loops []loop) {
	for pc := start; pc+1 < end; pc++ {
		in := &c.p.Insns[pc]
		if in.Off >= 0 || in.Off < -shortLoop || in.Op.Kind() != ir.KindBranch && in.Op.Kind() != ir.KindJump {
			continue
		}
		if target, ok := in.Target(pc); ok && target >= start && target <= pc {
			loops = append(loops, loop{target, pc + 1})
		}
	}
	slices.SortFunc(loops, func(a, b loop) int { return cmp.Or(cmp.Compare(a.head, b.head), cmp.Compare(b.end, a.end)) })
	return slices.CompactFunc(loops, func(a, b loop) bool { return a.head == b.head })
}

// begin appends the prologue of function i.
func (c *compiler) begin(i int) {
	c.frame = newFrame(c.p.Insns[c.p.Funcs[i].PC:c.funcEnd(i)])
	c.frames = append(c.frames, c.frame)
	c.asm.Bind(c.funcLabel(i))
	c.prologue()
}

func (c *compiler) lower(pc ir.PC, in ir.Insn) error {
	row := in.Row()
	if (in.Dst == ir.FP || in.Src == ir.FP) && in.WritesFP() { // code that no run reaches: no verifier lets one
		c.asm.Text = enc.Trap(c.asm.Text)
		return nil
	}
	switch row.Kind {
	case ir.KindALU:
		c.alu(in, row)
	case ir.KindSwap:
		c.swap(in, row)
	case ir.KindLoadImm:
		return c.loadImm(pc, in, row)
	case ir.KindLoad, ir.KindLoadAcquire:
		c.load(in, row)
	case ir.KindStore, ir.KindStoreRelease:
		c.store(in, row)
	case ir.KindAtomic:
		c.atomic(in, row)
	case ir.KindJump:
		c.jump(pc, in)
	case ir.KindBranch:
		c.branch(pc, in, row)
	case ir.KindCall:
		return c.call(pc, in, row)
	case ir.KindExit:
		c.epilogue()
	case ir.KindMayGoto:
		c.mayGoto(pc, in)
	case ir.KindLoadPacket:
		c.loadPacket(in, row)
	case ir.KindCast:
		return &jit.UnsupportedError{PC: pc, Op: in.Op, Reason: "there are no arenas"}
	default:
		return &jit.UnsupportedError{PC: pc, Op: in.Op}
	}
	return nil
}

// size returns the operand size of an operation.
func size(w ir.Width) enc.Size { return enc.Size(w) }
