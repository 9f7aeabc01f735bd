package native

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/jit"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

var (
	_ runtime.Engine  = (*Program)(nil)
	_ runtime.Opener  = (*Program)(nil)
	_ runtime.Session = (*session)(nil)
)

// Loader returns native code made by backend b as a loader of package runtime.
// It refuses programs of types that have no frame.
func Loader(b jit.Backend, opts Options) runtime.Loader {
	return runtime.Loader{Name: "native", Load: func(_ context.Context, p *ir.Program, ms []maps.Map) (runtime.Engine, error) {
		code, err := jit.Compile(b, p)
		if err != nil {
			return nil, err
		}
		np, err := Load(code, p, ms, opts)
		if err != nil {
			return nil, err
		}
		s, err := np.open()
		if err != nil {
			_ = np.Close() // the error at hand is the one that matters
			return nil, err
		}
		np.give(s)
		return np, nil
	}}
}

// Name returns "native".
func (p *Program) Name() string { return "native" }

// Code returns what the program was loaded from. The caller must not change it.
func (p *Program) Code() *jit.Code { return p.code }

// session is a run with a frame.
type session struct {
	run   *Run
	frame *runtime.Frame
	busy  bool // a run is under way, or ended by a panic
}

// Open returns a session, which the caller closes. A program of a type that
// has no frame is an error.
func (p *Program) Open() (runtime.Session, error) { return p.open() }

func (p *Program) open() (*session, error) {
	frame, err := runtime.NewFrame(p.prog.Type)
	if err != nil {
		return nil, err
	}
	r, err := p.NewRun()
	if err != nil {
		frame.Free()
		return nil, err
	}
	r.env.Packet, r.frame = frame, frame
	return &session{run: r, frame: frame}, nil
}

// Frame returns the frame that Run works on.
func (s *session) Frame() *runtime.Frame { return s.frame }

// Env returns the environment of the last run.
func (s *session) Env() *helpers.Env { return s.run.env }

// Run runs the program once on the frame. fuel counts backward jumps.
func (s *session) Run(ctx context.Context, fuel uint64) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("native: run program: %w", context.Cause(ctx))
	}
	r := s.run
	r.ctx, r.fuel = ctx, int64(min(fuel, math.MaxInt64))
	if !r.exits || r.m.top == 0 { // a closed one refuses
		return r.Call(s.frame.Args())
	}
	return s.rescued()
}

// rescued calls a program that calls helpers. A fault inside one, whose Go code
// reaches the program's memory, becomes an error: the program gave it a bad
// address. Every other panic goes on.
func (s *session) rescued() (ret uint64, err error) {
	old := debug.SetPanicOnFault(true)
	s.busy = true
	defer func() {
		if s.busy { // else there was no panic: to ask takes longer than many a program
			s.busy = false
			debug.SetPanicOnFault(old)
			ret, err = 0, s.broken(recover())
		}
	}()
	r := s.run
	r1, r2 := s.frame.Args()
	ret = r.callOut(r1, r2)
	s.busy = false
	debug.SetPanicOnFault(old)
	if r.m.faultSignal != 0 || r.err != nil {
		return 0, r.failure()
	}
	return ret, nil
}

// broken leaves a run that a panic ended, and returns the error that it was, if it
// was a fault. Without a panic the goroutine is about to end.
func (s *session) broken(x any) error {
	s.run.leave()
	s.run.tails = 0
	fault, ok := x.(interface {
		error
		Addr() uintptr
	})
	switch {
	case ok:
		return s.run.helperError(uint32(s.run.m.rax), fault)
	case x != nil:
		panic(x)
	}
	return nil
}

// Close gives the session's memory back.
func (s *session) Close() error {
	s.frame.Free()
	return s.run.Close()
}

// Run runs the program on the input.
func (p *Program) Run(ctx context.Context, in runtime.Input) (runtime.Result, error) {
	s, err := p.take()
	if err != nil {
		return runtime.Result{}, err
	}
	defer p.give(s)
	s.run.seed()
	return runtime.RunSession(ctx, s, in)
}

func (p *Program) take() (*session, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return s, nil
	}
	p.mu.Unlock()
	return p.open()
}

func (p *Program) give(s *session) {
	p.mu.Lock()
	if !p.closed {
		p.idle = append(p.idle, s)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	_ = s.Close() // only freeing executable memory can fail, and then it stays reserved
}

// Close ends the program: there are no new runs, calls by timers are waited for, and when the last open run is
// closed, its memory is given back. Further calls do nothing.
func (p *Program) Close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	p.timers.Close()
	for _, s := range idle {
		if err := s.Close(); err != nil {
			return err
		}
	}
	if !first || len(idle) > 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.freeImage()
}

// freeImage gives executable memory back where nobody can run it any more. The
// caller holds the lock.
func (p *Program) freeImage() error {
	if !p.closed || p.live > 0 || p.image == nil {
		return nil
	}
	im := p.image
	p.image = nil
	return im.close()
}
