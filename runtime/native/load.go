package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Options are the surroundings of a program's runs. The zero value is the
// machine's clock, processor 0, and output thrown away.
type Options struct {
	// Output is where trace_printk writes; it must be safe for concurrent use if
	// runs are. nil throws it away.
	Output io.Writer
	Clock  helpers.Clock // nil: the machine's
	CPU    uint32        // what get_smp_processor_id returns; 0: see helpers.Processors
	Seed   uint64        // of get_prandom_u32 in every run; 0 means a constant
	// Helper replaces the table of helpers; nil means helpers.Lookup.
	Helper func(abi.HelperID) (helpers.Func, bool)
	// PerfMap gets a line for each function, as perf(1) wants it to name samples
	// (see OpenPerfMap); nil: none.
	PerfMap io.Writer
}

// Program is a loaded program. It is a runtime.Engine and a runtime.Opener,
// safe for concurrent use.
type Program struct {
	prog    *ir.Program
	code    *jit.Code
	opts    Options
	maps    []maps.Map
	helpers []helpers.Func // by number; nil where the program calls none
	image   *image
	entry   uintptr
	// Where images call helpers: quick, or helperExit.
	helperExit uintptr
	exits      bool    // it calls helpers or loads from the packet, so Go code runs inside
	starts     []start // in order of offset

	cpus helpers.Processors

	timers helpers.TimerCalls

	mu     sync.Mutex
	idle   []*session
	live   int // runs that exist
	closed bool
}

// start ties an offset in the text to the instruction whose code begins there.
type start struct {
	off int32
	pc  ir.PC
}

// Load places code, which was compiled from p, into executable memory. ms are
// the maps that p.Maps describes, in that order; they stay the caller's, who
// keeps them open until the program is closed. code and p must not change. It refuses code for another machine, tables
// that do not fit the text, missing maps and helpers, and text that the
// executable memory left cannot hold.
func Load(code *jit.Code, p *ir.Program, ms []maps.Map, opts Options) (*Program, error) {
	np, err := load(code, p, ms, opts)
	if err != nil {
		return nil, fmt.Errorf("native: load %q: %w", p.Name, err)
	}
	return np, nil
}

// errMachine says that there is no entry into images on this machine.
var errMachine = errors.New("native code runs on amd64 only, this machine is " + goruntime.GOARCH)

func load(code *jit.Code, p *ir.Program, ms []maps.Map, opts Options) (*Program, error) {
	if !supported {
		return nil, errMachine
	}
	if code.Arch != goruntime.GOARCH {
		return nil, fmt.Errorf("code is for %q, this machine is %s", code.Arch, goruntime.GOARCH)
	}
	if err := code.Check(p); err != nil {
		return nil, err
	}
	if len(code.Text) > ArenaBytes {
		return nil, fmt.Errorf("text of %d bytes is over the %d of executable memory", len(code.Text), ArenaBytes)
	}
	if len(ms) != len(p.Maps) {
		return nil, fmt.Errorf("it has %d maps, got %d", len(p.Maps), len(ms))
	}
	if i := slices.Index(ms, nil); i >= 0 {
		return nil, fmt.Errorf("map %d is nil", i)
	}
	if opts.Helper == nil {
		opts.Helper = helpers.Lookup
	}
	np := &Program{prog: p, code: code, maps: ms, opts: opts}
	if err := np.findHelpers(); err != nil {
		return nil, err
	}
	text, funcs, err := relocate(code, ms)
	if err != nil {
		return nil, err
	}
	if err := installHandlers(); err != nil {
		return nil, err
	}
	if np.image, err = newImage(text, funcs); err != nil {
		return nil, err
	}
	np.entry = np.image.addr(code.Funcs[0].Entry)
	if np.helperExit, err = np.exit(); err != nil {
		return nil, errors.Join(err, np.image.close())
	}
	np.indexStarts()
	if opts.PerfMap != nil {
		if err := np.writePerfMap(opts.PerfMap); err != nil {
			return nil, errors.Join(err, np.image.close())
		}
	}
	return np, nil
}

// findHelpers resolves the helpers that the program calls.
func (p *Program) findHelpers() error {
	for pc, in := range p.prog.All() {
		row := in.Row()
		p.exits = p.exits || row.Kind == ir.KindLoadPacket
		if row.Kind != ir.KindCall || row.Pseudo != ir.CallHelper {
			continue
		}
		p.exits = true
		id := abi.HelperID(in.Imm)
		f, ok := p.opts.Helper(id)
		if slices.Contains(ours[:], id) { // each run puts its own in its place
			f, ok = func(*helpers.Env, [5]uint64) (uint64, error) { return 0, errEnded }, true
		}
		if !ok || id < 0 || id > maxHelper {
			return &helpers.MissingError{PC: pc, ID: id}
		}
		if int(id) >= len(p.helpers) {
			p.helpers = append(p.helpers, make([]helpers.Func, int(id)+1-len(p.helpers))...)
		}
		p.helpers[id] = f
	}
	return nil
}

// maxHelper bounds helper numbers, and so the table of a program's helpers;
// the kernel's end far below.
const maxHelper = 4095

// relocate returns the text with the addresses of maps filled in. funcs are the
// places that hold an offset in the text whose address is meant.
func relocate(code *jit.Code, ms []maps.Map) (text []byte, funcs []int32, err error) {
	text = slices.Clone(code.Text)
	for _, r := range code.Relocs {
		if r.Kind == jit.RelocFunc {
			binary.LittleEndian.PutUint64(text[r.Off:], uint64(code.Funcs[r.Func].Entry))
			funcs = append(funcs, r.Off)
			continue
		}
		var value uint64
		m := ms[r.Map]
		switch r.Kind {
		case jit.RelocMapHandle:
			value = m.Handle()
		case jit.RelocMapValues:
			region := m.Region()
			if m.Spec().Type != ir.Array || region.Base == 0 {
				return nil, nil, fmt.Errorf("relocation at %d: map %d (%v) has no array of values", r.Off, r.Map, m.Spec().Type)
			}
			if r.Addend >= region.Stride*region.Count {
				return nil, nil, fmt.Errorf("relocation at %d: offset %d is outside the values of map %d", r.Off, r.Addend, r.Map)
			}
			value = region.Base + r.Addend
		case jit.RelocMapLanes, jit.RelocMapCPUs:
			lanes, ok := maps.AsPerCPU(m)
			if !ok || m.Spec().Type != ir.PerCPUArray || m.Region().Base == 0 {
				return nil, nil, fmt.Errorf("relocation at %d: map %d (%v) is no per-CPU array", r.Off, r.Map, m.Spec().Type)
			}
			if value = uint64(lanes.CPUs()); r.Kind == jit.RelocMapLanes {
				value = m.Region().Base
			}
		default:
			return nil, nil, fmt.Errorf("relocation at %d: unknown kind %d", r.Off, r.Kind)
		}
		binary.LittleEndian.PutUint64(text[r.Off:], value)
	}
	return text, funcs, nil
}

func (p *Program) indexStarts() {
	for _, f := range p.code.Funcs {
		p.starts = append(p.starts, start{f.Entry, f.PC})
	}
	for pc, off := range p.code.PCMap {
		if off != jit.NoCode {
			p.starts = append(p.starts, start{off, ir.PC(pc)})
		}
	}
	slices.SortStableFunc(p.starts, func(x, y start) int { return int(x.off) - int(y.off) })
}

// pcAt returns the instruction that the code at an offset belongs to: of those
// that begin there the last, as the others have no code of their own.
func (p *Program) pcAt(off int32) ir.PC {
	i, _ := slices.BinarySearchFunc(p.starts, off+1, func(s start, off int32) int { return int(s.off) - int(off) })
	return p.starts[max(i-1, 0)].pc
}
