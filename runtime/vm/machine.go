package vm

import (
	"context"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// MaxFrames is how deep calls nest, the program's own frame included
// (MAX_CALL_FRAMES).
const MaxFrames = 8

// machine is the state of one run, and the memory it may touch. It implements
// runtime.Session and helpers.Memory.
type machine struct {
	r    [numRegs]uint64
	prog *Program
	pc   int32
	at   int32 // the instruction under way, for slow operations and faults
	stop bool
	err  error

	// Regions, as first address and length in bytes. The stack reaches from the
	// innermost frame's end to the outermost frame's start.
	stack, stackLen   uint64
	packet, packetLen uint64
	packetWritable    bool
	value, valueLen   uint64 // the map value touched last
	valueWritable     bool

	depth   int
	saved   [MaxFrames]savedFrame
	block   *mem.Block // the stack frames
	frame   *runtime.Frame
	env     *helpers.Env
	ctxAddr uint64
}

// savedFrame is what a local call keeps of its caller (RFC 9669, section 2:
// r6-r9 and r10 survive calls).
type savedFrame struct {
	pc   int32
	regs [5]uint64
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
	m := &machine{prog: p, block: block, frame: frame, env: helpers.NewEnv(p.maps)}
	m.env.Memory, m.env.Packet = m, frame
	m.env.Clock, m.env.Trace, m.env.CPU = p.opts.Clock, p.opts.Output, p.opts.CPU
	if p.opts.Seed != 0 {
		m.env.Random = p.opts.Seed
	}
	m.ctxAddr, _ = frame.Context()
	return m, nil
}

func (m *machine) Frame() *runtime.Frame { return m.frame }

func (m *machine) Close() error {
	m.env.Close()
	m.frame.Free()
	m.block.Free()
	return nil
}

// slice is how many instructions run between two looks at the caller's
// context.
const slice = 1 << 18

// Run runs the program once on the frame.
func (m *machine) Run(ctx context.Context, fuel uint64) (uint64, error) {
	m.reset()
	m.env.Enter()
	defer m.env.Exit()
	for !m.stop {
		n := min(fuel, slice)
		if m.prog.opts.Trace != nil {
			n = min(n, 1)
		}
		if n == 0 {
			return 0, &Fault{Kind: FaultFuel, PC: ir.PC(m.pc)}
		}
		if n == slice || m.prog.opts.Trace != nil {
			if err := ctx.Err(); err != nil {
				return 0, &Fault{Kind: FaultCancelled, PC: ir.PC(m.pc), Err: err}
			}
		}
		if m.prog.opts.Trace != nil {
			m.prog.opts.Trace(ir.PC(m.pc), (*[ir.NumRegs]uint64)(m.r[:ir.NumRegs]))
			m.r[zero] = 0
		}
		fuel -= n - m.run(n)
	}
	return m.r[0], m.err
}

// reset sets the machine to the program's entry.
func (m *machine) reset() {
	m.r = [numRegs]uint64{}
	m.r[1], m.r[2] = m.frame.Args()
	m.pc, m.stop, m.err, m.valueLen = 0, false, nil, 0
	m.packetWritable = m.frame.Writable()
	m.refresh()
	m.setDepth(0)
}

// refresh takes over the packet's bounds, which helpers may move.
func (m *machine) refresh() {
	start, end := m.frame.Bounds()
	m.packet, m.packetLen = start, end-start
}

// setDepth makes frame depth the innermost one and points r10 to it.
func (m *machine) setDepth(depth int) {
	m.depth = depth
	top := m.block.Addr() + MaxFrames*ir.StackSize
	m.r[ir.FP] = top - uint64(depth)*ir.StackSize
	m.stack = m.r[ir.FP] - ir.StackSize
	m.stackLen = top - m.stack
}

// push enters a new frame, which is zero; ok is false if there is none left.
func (m *machine) push(ret int32) (ok bool) {
	if m.depth+1 >= MaxFrames {
		return false
	}
	s := &m.saved[m.depth]
	s.pc = ret
	copy(s.regs[:], m.r[ir.R6:ir.R10+1])
	m.setDepth(m.depth + 1)
	clear(mem.View(m.stack, ir.StackSize))
	return true
}

// pop leaves a frame; ok is false in the outermost one.
func (m *machine) pop() (ret int32, ok bool) {
	if m.depth == 0 {
		return 0, false
	}
	m.setDepth(m.depth - 1)
	s := &m.saved[m.depth]
	copy(m.r[ir.R6:ir.R10+1], s.regs[:])
	return s.pc, true
}

// reach reports whether the program may access the n bytes at addr, n > 0.
// Subtractions wrap, so one comparison checks both ends of a region's start.
func (m *machine) reach(addr, n uint64, write bool) bool {
	if off := addr - m.stack; off < m.stackLen && n <= m.stackLen-off {
		return true
	}
	if off := addr - m.packet; off < m.packetLen && n <= m.packetLen-off {
		return !write || m.packetWritable
	}
	if off := addr - m.value; off < m.valueLen && n <= m.valueLen-off {
		return !write || m.valueWritable
	}
	return m.reachFar(addr, n, write)
}

// reachFar looks at the context and at all maps, and remembers the value it
// finds.
func (m *machine) reachFar(addr, n uint64, write bool) bool {
	if _, layout := m.frame.Context(); layout != nil {
		if off := addr - m.ctxAddr; off < uint64(layout.Size) && n <= uint64(layout.Size)-off {
			field := layout.Field(int(off), int(n))
			return !write || field != nil && field.Writable
		}
	}
	for i := range m.prog.regions {
		r := &m.prog.regions[i]
		if r.Contains(addr, n) {
			m.value = addr - (addr-r.Base)%r.Stride
			m.valueLen, m.valueWritable = r.Value, !r.ReadOnly
			return !write || m.valueWritable
		}
	}
	return false
}

// Read gives helpers the program's memory.
func (m *machine) Read(addr uint64, n int) ([]byte, error) { return m.view(addr, n, false) }

// Write gives helpers the program's memory for writing.
func (m *machine) Write(addr uint64, n int) ([]byte, error) { return m.view(addr, n, true) }

func (m *machine) view(addr uint64, n int, write bool) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	if n < 0 || !m.reach(addr, uint64(n), write) {
		return nil, &Fault{Kind: FaultMemory, PC: ir.PC(m.at), Addr: addr, Size: uint64(n), Write: write}
	}
	return mem.View(addr, n), nil
}

// fault ends the run at an access of the instruction at pc, and returns left,
// the instructions that are left, without it.
func (m *machine) fault(pc int, addr, size uint64, write bool, left uint64) uint64 {
	m.fail(&Fault{Kind: FaultMemory, PC: ir.PC(pc), Addr: addr, Size: size, Write: write})
	return left - 1
}

func (m *machine) fail(f *Fault) { m.err, m.stop = f, true }

// regionsOf collects where the values of a program's maps lie.
func regionsOf(ms []maps.Map) []maps.Region {
	var regions []maps.Region
	seen := map[uint64]bool{}
	for _, m := range ms {
		if !seen[m.Handle()] {
			seen[m.Handle()] = true
			regions = append(regions, m.Region())
		}
	}
	return regions
}
