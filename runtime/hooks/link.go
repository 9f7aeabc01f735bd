package hooks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bpfproof/bpfproof/runtime"
)

// began is when the process did: runs are timed by what has passed since.
var began = time.Now()

// ErrDetached says that a link was closed.
var ErrDetached = errors.New("the link is closed")

// counters is what every link counts, and its end.
type counters struct {
	runs, errors, drops, nanos atomic.Uint64
	closed                     atomic.Bool
	running                    sync.RWMutex // held for reading by every run
}

// enter begins a run, which ends with leave; false once the link is closed.
func (c *counters) enter() bool {
	c.running.RLock()
	if c.closed.Load() {
		c.running.RUnlock()
		return false
	}
	return true
}

func (c *counters) leave() { c.running.RUnlock() }

// finish closes the link and waits for the runs under way.
func (c *counters) finish() {
	c.closed.Store(true)
	c.running.Lock()
	defer c.running.Unlock()
}

func (c *counters) add(runs, errors, nanos uint64) {
	c.runs.Add(runs)
	c.errors.Add(errors)
	c.nanos.Add(nanos)
}

// Stats returns what the link has counted.
func (c *counters) Stats() runtime.Stats {
	return runtime.Stats{Runs: c.runs.Load(), Errors: c.errors.Load(), Drops: c.drops.Load(), Nanos: c.nanos.Load()}
}

// link is what links have in common that run a program through sessions: the
// sessions that wait for an event, and an end that waits for the runs under
// way. It is safe for concurrent use.
type link struct {
	counters
	program *runtime.Program
	fuel    uint64
	stop    func() // called once, by Close, before it waits; nil: nothing to do

	mu   sync.Mutex
	idle []runtime.Session
}

// newLink opens a first session, so that a program which the hook cannot run is
// refused when it is attached. Fuel 0 means runtime.DefaultFuel.
func newLink(p *runtime.Program, fuel uint64) (*link, error) {
	s, err := p.Open()
	if err != nil {
		return nil, fmt.Errorf("hooks: attach program %q: %w", p.Name(), err)
	}
	if fuel == 0 {
		fuel = runtime.DefaultFuel
	}
	return &link{program: p, fuel: fuel, idle: []runtime.Session{s}}, nil
}

// run prepares a session for an event, runs the program, and lets the caller
// see what the run left. Both functions may be nil.
func (l *link) run(ctx context.Context, prepare func(runtime.Session) error, see func(ret uint64, s runtime.Session)) error {
	if !l.enter() {
		return fmt.Errorf("hooks: run program %q: %w", l.program.Name(), ErrDetached)
	}
	defer l.leave()
	s, err := l.take()
	if err != nil {
		return err
	}
	defer l.give(s)
	if prepare != nil {
		if err := prepare(s); err != nil {
			l.drops.Add(1)
			return err
		}
	}
	start := time.Since(began) // reads one clock; time.Now reads two
	ret, err := s.Run(ctx, l.fuel)
	nanos := uint64(time.Since(began) - start)
	if err != nil {
		l.add(0, 1, nanos)
		return fmt.Errorf("hooks: run program %q: %w", l.program.Name(), err)
	}
	l.add(1, 0, nanos)
	if see != nil {
		see(ret, s)
	}
	return nil
}

func (l *link) take() (runtime.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.idle); n > 0 {
		s := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return s, nil
	}
	return l.program.Open()
}

func (l *link) give(s runtime.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, s)
}

// Close detaches, and returns when the runs under way have ended. Further calls
// do nothing.
func (l *link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if l.stop != nil {
		l.stop()
	}
	l.running.Lock()
	defer l.running.Unlock()
	var errs []error
	for _, s := range l.idle {
		errs = append(errs, s.Close())
	}
	l.idle = nil
	return errors.Join(errs...)
}
