package runtime

import (
	"context"
	"errors"
	"fmt"
	gomaps "maps"
	"slices"
	"sync"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Object is a set of loaded programs and the maps they share by name. It is
// safe for concurrent use, save for Close.
type Object struct {
	maps     *mapSet
	programs []*Program
	byName   map[string]*Program
}

// Program is a loaded program.
type Program struct {
	spec   *ir.Program
	maps   []maps.Map
	engine Engine

	mu     sync.Mutex
	links  map[Link]struct{}
	closed bool
}

// Load checks and loads programs. Maps are made once for all of them: specs
// that are the same one or have the same name are one map. If anything is
// refused, nothing stays loaded. The programs must not change afterwards.
// Elements of program arrays that name a program which is not loaded stay empty.
func Load(ctx context.Context, programs []*ir.Program, opts Options) (*Object, error) {
	o := &Object{maps: newMapSet(), byName: map[string]*Program{}}
	o.maps.pins, o.maps.dir = opts.Pin, opts.PinDir
	for _, p := range programs {
		if err := o.load(ctx, p, opts); err != nil {
			return nil, errors.Join(err, o.Close())
		}
	}
	for _, name := range slices.Sorted(gomaps.Keys(opts.Pin)) {
		if o.Map(name) == nil {
			return nil, errors.Join(fmt.Errorf("runtime: pin map %q: no program uses it", name), o.Close())
		}
	}
	if err := o.fillTails(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *Object) load(ctx context.Context, p *ir.Program, opts Options) error {
	if _, ok := o.byName[p.Name]; ok {
		return fmt.Errorf("runtime: load program %q: the object has two of that name", p.Name)
	}
	if err := opts.admit(ctx, p); err != nil {
		return err
	}
	ms, err := o.maps.bind(p)
	if err != nil {
		return err
	}
	engine, err := opts.Loader.Load(ctx, p, ms)
	if err != nil {
		return fmt.Errorf("runtime: load program %q: %w", p.Name, err)
	}
	prog := &Program{spec: p, maps: ms, engine: engine, links: map[Link]struct{}{}}
	o.programs = append(o.programs, prog)
	o.byName[p.Name] = prog
	return nil
}

// Programs returns the programs in the order they were given.
func (o *Object) Programs() []*Program { return append([]*Program(nil), o.programs...) }

// Program returns the program of that name, nil if there is none.
func (o *Object) Program(name string) *Program { return o.byName[name] }

// Maps returns all maps in the order the programs name them.
func (o *Object) Maps() []maps.Map { return append([]maps.Map(nil), o.maps.all...) }

// Map returns the map of that name, nil if there is none.
func (o *Object) Map(name string) maps.Map { return o.maps.byName[name] }

// Close detaches and closes all programs, then the maps. No run may be under
// way. Further calls do nothing.
func (o *Object) Close() error {
	var errs []error
	for _, p := range o.programs {
		errs = append(errs, p.close())
	}
	o.programs, o.byName = nil, nil
	o.maps.close()
	return errors.Join(errs...)
}

// Spec returns what the program was loaded from. The caller must not change it.
func (p *Program) Spec() *ir.Program { return p.spec }

// Name returns the program's name.
func (p *Program) Name() string { return p.spec.Name }

// Maps returns the program's maps in the order of its spec.
func (p *Program) Maps() []maps.Map { return append([]maps.Map(nil), p.maps...) }

// ProgramInfo is what BPF_OBJ_GET_INFO_BY_FD tells of a program, as far as there
// is such a thing here.
type ProgramInfo struct {
	Name   string
	Type   ir.ProgType
	Insns  int      // slots
	Maps   []string // names, in the order of the program's references
	Engine string
	Stats  Stats // of all links
}

// Info describes the program.
func (p *Program) Info() ProgramInfo {
	i := ProgramInfo{Name: p.Name(), Type: p.spec.Type, Insns: len(p.spec.Insns), Engine: p.engine.Name(), Stats: p.Stats()}
	for _, m := range p.maps {
		i.Maps = append(i.Maps, m.Spec().Name)
	}
	return i
}

// Engine returns what executes the program. It stays the program's.
func (p *Program) Engine() Engine { return p.engine }

// Run is a direct test run, as BPF_PROG_TEST_RUN.
func (p *Program) Run(ctx context.Context, in Input) (Result, error) { return p.engine.Run(ctx, in) }

// Open returns a session of the program: the engine's own where it gives such,
// otherwise an error. The caller closes it.
func (p *Program) Open() (Session, error) {
	o, ok := p.engine.(Opener)
	if !ok {
		return nil, fmt.Errorf("runtime: open session of program %q: engine %q gives none", p.Name(), p.engine.Name())
	}
	return o.Open()
}

// Hook is a source of events that a program can be attached to.
type Hook interface {
	// Attach ties the program to the hook until the link is closed. A program of
	// a type that the hook does not call is an error.
	Attach(p *Program) (Link, error)
}

// Link is a program attached to a hook.
type Link interface {
	// Stats returns what has happened so far.
	Stats() Stats
	// Close detaches. Further calls do nothing.
	Close() error
}

// Stats counts what a link did.
type Stats struct {
	Runs   uint64 // events the program was run for, to its exit
	Errors uint64 // runs that did not reach their exit
	Drops  uint64 // events that were lost before the program saw them
	Nanos  uint64 // wall time of the runs together
}

// Attach attaches the program to a hook. Closing the object closes the link.
func (p *Program) Attach(h Hook) (Link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("runtime: attach program %q: it is closed", p.Name())
	}
	l, err := h.Attach(p)
	if err != nil {
		return nil, err
	}
	p.links[l] = struct{}{}
	return l, nil
}

// Links returns all links of the program, in no order; nil once the object is
// closed. Those that were closed by themselves are among them, with what they
// had counted.
func (p *Program) Links() []Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(gomaps.Keys(p.links))
}

// Stats returns what all links of the program have counted together; nothing
// once the object is closed.
func (p *Program) Stats() Stats {
	var all Stats
	for _, l := range p.Links() {
		s := l.Stats()
		all.Runs, all.Errors, all.Drops, all.Nanos = all.Runs+s.Runs, all.Errors+s.Errors, all.Drops+s.Drops, all.Nanos+s.Nanos
	}
	return all
}

func (p *Program) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for l := range p.links {
		errs = append(errs, l.Close())
	}
	p.links = nil
	return errors.Join(append(errs, p.engine.Close())...)
}
