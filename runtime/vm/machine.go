package vm

import (
	"context"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// MaxFrames is how deep calls nest, the program's own frame included
// (MAX_CALL_FRAMES).
const MaxFrames = 8

// numRegs makes every byte the number of a register, so that none is checked;
// the program's are the first.
const numRegs = 256

// machine is the state of one run, and the memory it may touch. It implements
// runtime.Session and helpers.Memory.
type machine struct {
	r           [numRegs]uint64
	read, write window  // where the last load and the last store were
	fp          pointer // r10, as what the main loop reaches the frame by

	in   *insn    // the instruction under way and the fuel left, while the
	fuel int64    // main loop waits for a call out of it
	prog *Program // whose code runs: a tail call changes it
	base uint64   // address of the code that runs
	pc   int32    // where execution goes on, while the main loop does not run
	at   int32    // the instruction under way, for slow operations and faults
	stop bool
	err  error

	// The frames in use reach from the innermost one's end to top. By depth, what
	// lies below clean in a frame was not cleared yet: see reachStack.
	depth     int
	top       uint64
	clean     [MaxFrames]uint64
	saved     [MaxFrames]savedFrame
	budget    uint64 // of may_goto in this frame
	tailCalls int
	block     *mem.Block // the stack frames
	bottom    pointer    // of the block
	keys      *mem.Block // keys that callbacks are shown; nil until one is
	key       []byte     // that the function a timer called is shown

	value, valueLen uint64 // the map value touched last
	valueWritable   bool
	valueReadable   bool

	frame   *runtime.Frame
	number  int          // among the sessions of the program that are open
	cpu     uint32       // that the runs are on
	env     *helpers.Env // of prog
	worlds  []world
	ctxAddr uint64
	missed  uint64  // the address that reach did not find
	scratch [4]insn // of step
}

// world is a program that took part in the machine's runs, and its maps.
type world struct {
	prog *Program
	env  *helpers.Env
	in   bool // the run under way has entered the environment
}

// savedFrame is what a call keeps of its caller (RFC 9669, section 2: r6-r9
// and r10 survive calls).
type savedFrame struct {
	prog   *Program
	pc     int32
	regs   [5]uint64
	budget uint64
	loop   loop // what called, if it was a helper
}

var (
	_ runtime.Session = (*machine)(nil)
	_ helpers.Memory  = (*machine)(nil)
)

func newMachine(p *Program) (*machine, error) {
	frame, err := runtime.NewFrame(p.ir.Type)
	if err != nil {
		return nil, err
	}
	block, err := mem.Alloc(MaxFrames * ir.StackSize)
	if err != nil {
		frame.Free()
		return nil, err
	}
	m := &machine{prog: p, block: block, frame: frame, top: block.Addr() + MaxFrames*ir.StackSize}
	m.bottom = memory(block.Addr(), MaxFrames*ir.StackSize)
	m.ctxAddr, _ = frame.Context()
	m.number, m.cpu = p.cpus.Take()
	if p.opts.CPU != 0 {
		m.cpu = p.opts.CPU
	}
	m.worlds = []world{{prog: p, env: m.newEnv(p)}}
	m.env = m.worlds[0].env
	return m, nil
}

func (m *machine) newEnv(p *Program) *helpers.Env {
	env := helpers.NewEnv(p.maps)
	env.Memory, env.Packet = m, m.frame
	env.Clock, env.Trace, env.CPU = p.opts.Clock, p.opts.Output, m.cpu
	env.Later = func(fn uint64) (func(helpers.Fire), error) { return p.later(m, fn) }
	if p.opts.Seed != 0 {
		env.Random = p.opts.Seed
	}
	return env
}

func (m *machine) Frame() *runtime.Frame { return m.frame }

// Env returns the environment of the program that ran last.
func (m *machine) Env() *helpers.Env { return m.env }

func (m *machine) Close() error {
	if m.number >= 0 {
		m.worlds[0].prog.cpus.Give(m.number)
		m.number = -1
	}
	for _, w := range m.worlds {
		w.env.Close()
	}
	m.frame.Free()
	m.block.Free()
	if m.keys != nil {
		m.keys.Free()
	}
	return nil
}

// slice is how many instructions run between two looks at the caller's
// context.
const slice = 1 << 18

// Run runs the program once on the frame.
func (m *machine) Run(ctx context.Context, fuel uint64) (uint64, error) {
	m.reset()
	m.enter(&m.worlds[0])
	m.goOnFor(ctx, fuel)
	m.exitAll()
	return m.r[0], m.err
}

// goOnFor executes instructions until the run stops.
func (m *machine) goOnFor(ctx context.Context, fuel uint64) {
	for !m.stop {
		if err := ctx.Err(); err != nil {
			m.fail(&Fault{Kind: FaultCancelled, PC: ir.PC(m.pc), Err: err})
			break
		}
		fuel -= m.advance(fuel)
	}
}

// exitAll ends the run in all environments that it entered.
func (m *machine) exitAll() {
	for i := range m.worlds {
		if w := &m.worlds[i]; w.in {
			w.in = false
			w.env.Exit()
		}
	}
}

// advance runs at most fuel instructions, at least one, and not many more than
// a slice; it returns how many. Out of fuel, it ends the run.
func (m *machine) advance(fuel uint64) (n uint64) {
	if fuel == 0 {
		m.fail(&Fault{Kind: FaultFuel, PC: ir.PC(m.pc)})
		return 0
	}
	segment := uint64(m.prog.segment[m.pc])
	if m.prog.opts.Trace != nil || fuel < segment {
		m.step()
		return 1
	}
	paid := min(fuel, max(slice, segment))
	m.base = address(&m.prog.code[0])
	return paid - uint64(m.run(&m.prog.code[m.pc], int64(paid-segment)))
}

// step executes one instruction, which is copied so that the main loop stops
// behind it whichever way it goes.
func (m *machine) step() {
	pc := m.pc
	if trace := m.prog.opts.Trace; trace != nil {
		trace(ir.PC(pc), (*[ir.NumRegs]uint64)(m.r[:ir.NumRegs]))
	}
	s := &m.scratch
	*s = [4]insn{m.prog.plain[pc], {op: opStop}, {op: opStop}, {op: opStop}}
	jumps := s[0].op.jumps()
	target := pc + s[0].off/int32(insnBytes)
	if jumps {
		s[0].off, s[0].hi = 3*int32(insnBytes), 0
	}
	m.base = address(&s[0]) - uint64(pc)*uint64(insnBytes)
	m.run(&s[0], 0)
	if jumps && m.pc == pc+3 {
		m.pc = target
	}
}

// pcOf returns the PC of an instruction of the code that runs.
func (m *machine) pcOf(in *insn) int32 { return int32(address(in)-m.base) / int32(insnBytes) }

// unpaid leaves the main loop before an instruction that there is no fuel for,
// and returns the fuel left.
func (m *machine) unpaid(in *insn, fuel int64) int64 {
	m.pc = m.pcOf(in)
	return fuel + int64(m.prog.segment[m.pc])
}

// outside ends the run at an access of the n-th instruction behind the one
// under way, whose address reach was asked for.
func (m *machine) outside(n int32, size uint64, write bool) int64 {
	m.fail(&Fault{Kind: FaultMemory, PC: ir.PC(m.pcOf(m.in) + n), Addr: m.missed, Size: size, Write: write})
	return m.fuel
}

// fail ends the run.
func (m *machine) fail(f *Fault) {
	if m.prog != m.worlds[0].prog {
		f.Program = m.prog.ir.Name
	}
	m.err, m.stop = f, true
}

// reset sets the machine to the program's entry.
func (m *machine) reset() {
	clear(m.r[:ir.NumRegs])
	m.r[1], m.r[2] = m.frame.Args()
	m.prog, m.env = m.worlds[0].prog, m.worlds[0].env
	m.pc, m.stop, m.err, m.valueLen, m.tailCalls = 0, false, nil, 0, 0
	m.refresh()
	m.setDepth(0)
	m.openFrame(0)
}

// refresh forgets where accesses were: helpers may move the packet's bounds.
func (m *machine) refresh() {
	m.read.clear()
	m.write.clear()
}

// enter begins the run in the environment of a program.
func (m *machine) enter(w *world) {
	w.in = true
	w.env.Enter()
}
