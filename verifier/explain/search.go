package explain

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/vm"
	"github.com/bpfproof/bpfproof/verifier"
)

// Search is what came of looking for an input on which the program fails.
type Search struct {
	Bug   *Bug   // nil if none was found
	Tries int    // runs that were made
	Why   string // why no run was made, "" otherwise
}

// Bug is an input on which the interpreter saw the program break a rule.
type Bug struct {
	Kind   Kind
	PC     ir.PC  // the instruction that broke it
	Detail string // what happened there
	Input  Input
}

// Kind tells failures apart.
type Kind string

// The kinds of failures.
const (
	Fault     Kind = "fault"     // the interpreter stopped the run
	Unwritten Kind = "unwritten" // a register was read that was never written
	Result    Kind = "result"    // the program returned what its type does not allow
	Endless   Kind = "endless"   // the run came back to the same state
	Held      Kind = "held"      // the program ended with a lock or a ring buffer record
	Deadlock  Kind = "deadlock"  // it waits for a lock that it holds itself
	Stray     Kind = "stray"     // an access left the map value or frame that its pointer was made for
)

// searcher looks for an input that makes a program fail.
type searcher struct {
	p       *ir.Program
	finding verifier.Finding
	path    *verifier.Path
	opts    Options
	layout  *abi.Context
	rng     *rand.Rand

	queue []Input // what to try next; what the furthest runs asked for comes first
	fresh []Input // what is to come before it
	seen  map[string]bool
	pool  []grown // the inputs that followed the path furthest
	best  int
	asked map[ir.PC]int // answers given to each branch, since best grew
	words []uint64      // numbers worth trying
	tries int
	spent uint64 // instructions of all runs

	queries int // of the solver
}

// search runs the program on inputs: a few fixed ones, what the branches that
// left the path ask for, and variations of what came furthest.
func search(ctx context.Context, p *ir.Program, f verifier.Finding, path *verifier.Path, o Options) (Search, error) {
	if o.Tries == 0 {
		o.Tries = DefaultTries
	}
	if o.Fuel == 0 {
		o.Fuel = DefaultFuel
		if path != nil { // enough to go the path and some way on
			o.Fuel = max(o.Fuel, 4*uint64(path.Skipped+len(path.Steps)))
		}
	}
	s := &searcher{p: p, finding: f, path: path, opts: o, seen: map[string]bool{}, rng: rand.New(rand.NewPCG(o.Seed, 0))}
	s.layout, _ = abi.LookupContext(p.Type)
	if why := s.unable(ctx); why != "" {
		return Search{Why: why}, nil
	}
	s.words = interesting(p, path)
	s.begin()
	for s.tries < o.Tries && s.spent < mostInsns {
		in := s.next()
		bug, err := s.try(ctx, &in)
		if err != nil || bug != nil {
			return Search{Bug: bug, Tries: s.tries}, err
		}
	}
	return Search{Tries: s.tries}, nil
}

// mostInsns bounds the instructions of all runs of a search.
const mostInsns = 1 << 25

// unable tells why the interpreter cannot run the program.
func (s *searcher) unable(ctx context.Context) string {
	if s.opts.Tries < 0 {
		return "no tries are allowed"
	}
	obj, err := s.load(ctx, s.p, &watch{}, &Input{})
	if err != nil {
		return err.Error()
	}
	if err := obj.Close(); err != nil {
		return err.Error()
	}
	return ""
}

// clock stands still, so that runs repeat.
type clock uint64

func (c clock) Monotonic() uint64 { return uint64(c) }
func (c clock) Boot() uint64      { return uint64(c) }

// The time of all runs but those that confirm a failure: what fails at other
// times, too, does not need a certain one.
const (
	usualTime = clock(1_000_000_000)
	otherTime = clock(0x1234_5678_9abc_def7)
)

func (s *searcher) load(ctx context.Context, p *ir.Program, w *watch, in *Input) (*runtime.Object, error) {
	loader := vm.Loader(vm.Options{Trace: w.step, Helper: w.helper, Clock: w.clock, Seed: in.Seed})
	obj, err := runtime.Load(ctx, []*ir.Program{p}, runtime.Options{Loader: loader, Unverified: true})
	if err != nil {
		return nil, err
	}
	w.p, w.path, w.at, w.code, w.layout, w.maps = p, s.path, s.finding.PC, s.finding.Code, s.layout, map[uint64]int{}
	if w.path != nil && w.path.Skipped > 0 {
		w.path = nil // where the run is on it cannot be told
	}
	ms := obj.Programs()[0].Maps()
	for i, m := range ms {
		w.maps[m.Handle()] = i
	}
	w.objects.size = func(_ ir.PC, _ ir.Insn, regs *[ir.NumRegs]uint64) uint64 {
		if i, ok := w.maps[regs[ir.R1]]; ok {
			return uint64(p.Maps[i].ValueSize)
		}
		return 0
	}
	w.parts = []part{{size: len(in.Data)}}
	if len(in.Ctx) > 0 {
		w.ctxPart = 1
		w.parts = append(w.parts, part{size: len(in.Ctx)})
	}
	for _, e := range in.Elems {
		w.parts = append(w.parts, part{ms[e.Map].LookupAddr(e.Key), len(e.Value)})
	}
	return obj, nil
}

// try runs the program on the input once, and learns from the run.
func (s *searcher) try(ctx context.Context, in *Input) (*Bug, error) {
	s.tries++
	w := &watch{clock: usualTime}
	bug, done, err := s.run(ctx, in, w)
	defer done()
	if err != nil {
		return nil, err
	}
	if bug != nil {
		same, err := s.again(ctx, in, bug, confirmations)
		if err != nil || same {
			bug.Input = *in
			return bug, err
		}
	}
	return nil, s.learn(ctx, in, w)
}

// confirmations is how many more runs have to fail in the same way.
const confirmations = 3

// again reports that n more runs fail in the same way. Each is at another place
// in memory, since those before still hold theirs, and at another time.
func (s *searcher) again(ctx context.Context, in *Input, bug *Bug, n int) (bool, error) {
	if n == 0 {
		return true, nil
	}
	now, done, err := s.run(ctx, in, &watch{clock: otherTime * clock(n)})
	defer done()
	if err != nil || now == nil || now.Kind != bug.Kind || now.PC != bug.PC {
		return false, err
	}
	return s.again(ctx, in, bug, n-1)
}

// run runs the program on the input under watch; done gives back what it holds.
// An error is that of ctx.
func (s *searcher) run(ctx context.Context, in *Input, w *watch) (bug *Bug, done func(), err error) {
	obj, err := s.load(ctx, in.Program(s.p), w, in)
	if err != nil {
		return nil, func() {}, ctx.Err() // the input's elements do not fit their maps
	}
	res, err := obj.Programs()[0].Run(ctx, runtime.Input{Data: in.Data, Ctx: in.Ctx, Fuel: s.opts.Fuel})
	s.spent += w.steps
	if ctx.Err() == nil {
		bug = s.judge(w, res, err)
	}
	return bug, func() { obj.Close() }, ctx.Err()
}

// judge tells whether the run broke a rule.
func (s *searcher) judge(w *watch, res runtime.Result, err error) *Bug {
	if w.stuck {
		return &Bug{Kind: Deadlock, PC: w.last, Detail: fmt.Sprintf("insn %d takes a lock that is taken, and nobody else runs to give it back", w.last)}
	}
	var fault *vm.Fault
	if errors.As(err, &fault) {
		switch fault.Kind {
		case vm.FaultFuel, vm.FaultCancelled:
			if w.endless {
				return &Bug{Kind: Endless, PC: s.finding.PC, Detail: fmt.Sprintf("insn %d is reached again with the same registers and memory", s.finding.PC)}
			}
			return nil
		}
		return &Bug{Kind: Fault, PC: fault.PC, Detail: w.fault(fault)}
	}
	if err != nil {
		return nil // the input does not fit the program's type
	}
	if x := w.strayed; x != nil {
		return &Bug{Kind: Stray, PC: x.pc, Detail: fmt.Sprintf("insn %d accesses %d bytes at offset %d of %v", x.pc, x.size, x.off, x.in)}
	}
	for _, what := range w.held {
		return &Bug{Kind: Held, PC: w.last, Detail: fmt.Sprintf("the program ends and holds %s", what)}
	}
	switch s.finding.Code {
	case verifier.UninitRead:
		if w.unread {
			return &Bug{Kind: Unwritten, PC: s.finding.PC, Detail: fmt.Sprintf("insn %d reads a register that nothing has written", s.finding.PC)}
		}
	case verifier.ReturnValue:
		c, _, ok := abi.ContextFor(s.p.Type, abi.AttachType(s.p.AttachType))
		if r := int64(res.Ret); ok && c != nil && (r < c.RetMin || r > c.RetMax) {
			return &Bug{Kind: Result, PC: w.last, Detail: fmt.Sprintf("the program returns %d, allowed is [%d, %d]", r, c.RetMin, c.RetMax)}
		}
	}
	return nil
}

// learn keeps what came far, and queues what the run asks for.
func (s *searcher) learn(ctx context.Context, in *Input, w *watch) error {
	defer func() { s.queue, s.fresh = append(s.fresh, s.queue...), nil }()
	switch {
	case w.progress > s.best:
		s.best, s.pool, s.asked = w.progress, []grown{{in.clone(), w.reads}}, map[ir.PC]int{}
		s.spread(in, w)
	case w.progress == s.best && len(s.pool) < poolSize:
		s.pool = append(s.pool, grown{in.clone(), w.reads})
	}
	if w.progress < s.best {
		return nil
	}
	if s.tries > len(sizes) || w.progress == len(s.steps()) { // the fixed inputs first
		if err := s.solve(ctx, in); err != nil {
			return err
		}
	}
	for _, l := range w.lookups {
		if !in.elem(l.m, []byte(l.key)) && s.fits(l) {
			s.adopt(in, l)
		}
	}
	if w.missed != nil && s.asked[w.missed.pc] < mostAnswers {
		s.asked[w.missed.pc]++
		s.answer(in, w)
	}
	return nil
}

// steps returns the path's steps, none if there is no path.
func (s *searcher) steps() []verifier.PathStep {
	if s.path == nil {
		return nil
	}
	return s.path.Steps
}

// grown is an input with the pieces of it that the program read.
type grown struct {
	in    Input
	reads []site
}

// mostAnswers bounds how often a branch is asked what it needs.
const mostAnswers = 3

// poolSize bounds the inputs that are varied.
const poolSize = 16

// fits reports that the element of a lookup can be given by an input.
func (s *searcher) fits(l lookup) bool {
	m := s.p.Maps[l.m]
	if m.Frozen || m.Inner != nil {
		return false
	}
	if m.Type != ir.Array {
		return m.Type == ir.Hash || m.Type == ir.LRUHash
	}
	return l.found
}
