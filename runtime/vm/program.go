package vm

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Options are the surroundings of a program's runs. The zero value is the
// machine's clock, processor 0, and output thrown away.
type Options struct {
	// Trace, if not nil, is called before each instruction with its PC and the
	// registers, which it must not keep. Runs are then many times slower.
	Trace func(pc ir.PC, regs *[ir.NumRegs]uint64)
	// Output is where trace_printk writes; it must be safe for concurrent use if
	// runs are. nil throws it away.
	Output io.Writer
	Clock  helpers.Clock // nil: the machine's
	CPU    uint32        // what get_smp_processor_id returns; 0: see helpers.Processors
	Seed   uint64        // of get_prandom_u32 in every session; 0 means a constant
	// Helper replaces the table of helpers; nil means helpers.Lookup.
	Helper func(abi.HelperID) (helpers.Func, bool)
}

// Program is a program decoded for the interpreter. It is a runtime.Engine and
// a runtime.Opener, safe for concurrent use.
type Program struct {
	ir      *ir.Program
	plain   []insn   // the instructions one by one
	code    []insn   // the same, sequences put together
	segment []uint16 // see segments
	frames  []uint16 // see frameNeeds
	// callable marks the functions that the program refers to, for callbacks.
	callable []bool
	helpers  []helpers.Func
	maps     []maps.Map
	regions  []maps.Region
	opts     Options

	cpus helpers.Processors

	timers helpers.TimerCalls
	// later is (*machine).later: named here so that the table of operations,
	// which leads to newEnv, does not lead back to itself.
	later func(m *machine, ref uint64) (func(helpers.Fire), error)

	mu     sync.Mutex
	idle   []*machine
	closed bool
}

var (
	_ runtime.Engine = (*Program)(nil)
	_ runtime.Opener = (*Program)(nil)
)

// Load decodes a program and binds it to its maps, given in the order of
// p.Maps; neither may change until Close, and the maps stay the caller's. The
// program has to be well-formed (ir.Program.Check), not verified. An
// instruction without meaning here is an *UnsupportedError, a helper without
// implementation a *helpers.MissingError.
func Load(p *ir.Program, ms []maps.Map, opts Options) (*Program, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("vm: load program %q: %w", p.Name, err)
	}
	if len(ms) != len(p.Maps) {
		return nil, fmt.Errorf("vm: load program %q: it has %d maps, got %d", p.Name, len(p.Maps), len(ms))
	}
	if opts.Helper == nil {
		opts.Helper = helpers.Lookup
	}
	prog := &Program{ir: p, maps: ms, opts: opts, regions: regionsOf(ms), later: (*machine).later}
	d := decoder{prog: prog, index: map[abi.HelperID]int32{}}
	if err := d.decode(); err != nil {
		return nil, err
	}
	m, err := newMachine(prog) // shows that the program's type can be run
	if err != nil {
		return nil, fmt.Errorf("vm: load program %q: %w", p.Name, err)
	}
	prog.idle = append(prog.idle, m)
	return prog, nil
}

// Loader returns the interpreter as a loader of package runtime.
func Loader(opts Options) runtime.Loader {
	return runtime.Loader{Name: "vm", Sandboxed: true, Load: func(_ context.Context, p *ir.Program, ms []maps.Map) (runtime.Engine, error) {
		return Load(p, ms, opts)
	}}
}

// Name returns "vm".
func (p *Program) Name() string { return "vm" }

// Open returns a session, which the caller closes.
func (p *Program) Open() (runtime.Session, error) { return newMachine(p) }

// Run runs the program on the input.
func (p *Program) Run(ctx context.Context, in runtime.Input) (runtime.Result, error) {
	m, err := p.take()
	if err != nil {
		return runtime.Result{}, err
	}
	defer p.give(m)
	return runtime.RunSession(ctx, m, in)
}

func (p *Program) take() (*machine, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		m := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return m, nil
	}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("vm: run program %q: it is closed", p.ir.Name)
	}
	return newMachine(p)
}

func (p *Program) give(m *machine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		m.Close()
		return
	}
	p.idle = append(p.idle, m)
}

// Close gives the memory of idle runs back. Further calls do nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.timers.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.idle {
		m.Close()
	}
	p.idle = nil
	return nil
}
