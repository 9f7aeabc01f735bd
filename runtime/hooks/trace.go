package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// Record is one record of a trace.
type Record struct {
	Event int    // among the trace's events
	Time  uint64 // nanoseconds on the monotonic clock of the machine that traced
	CPU   uint32 // where it happened
	Raw   []byte // as the event's layout says; valid until the call that got it returns
}

// Trace is a stream of records of several events, to which programs of type
// tracepoint are attached by event. A Tracer makes it of the running kernel, a
// Recording reads it from a file. One goroutine at a time runs it.
type Trace struct {
	events []Layout
	clock  *EventClock
	fuel   uint64
	each   func(*Record)

	mu    sync.RWMutex
	links [][]*eventLink // by event
	// Records that were delivered, whoever saw them, and those that were not.
	delivered, gone atomic.Uint64
}

func newTrace(events []Layout, opts TraceOptions) *Trace {
	return &Trace{events: events, clock: opts.Clock, fuel: opts.Fuel, each: opts.Each, links: make([][]*eventLink, len(events))}
}

// TraceOptions say how the programs of a trace run.
type TraceOptions struct {
	// Clock, if not nil, shows programs the time of the record instead of that of
	// the run. Engines must have been given it when the programs were loaded.
	Clock *EventClock
	Fuel  uint64 // of each run; 0 means runtime.DefaultFuel
	// Each, if not nil, sees each record before the programs do, such as
	// Recorder.Write. It must not keep it.
	Each func(*Record)
}

// EventClock is the time of the event under way, for programs that measure
// times between events: records come to a program some time after they were
// made. It is given to the engine (its option Clock) and to the trace.
type EventClock struct{ now atomic.Uint64 }

var _ helpers.Clock = (*EventClock)(nil)

// Monotonic returns the time of the event under way in nanoseconds.
func (c *EventClock) Monotonic() uint64 { return c.now.Load() }

// Boot is the same: traces do not say how long the machine was suspended.
func (c *EventClock) Boot() uint64 { return c.now.Load() }

// Events returns the layouts of the trace's events. The caller must not change
// them.
func (t *Trace) Events() []Layout { return t.events }

// Delivered returns how many records the trace has delivered.
func (t *Trace) Delivered() uint64 { return t.delivered.Load() }

// Lost returns how many records the kernel had no room for, whoever would have
// seen them.
func (t *Trace) Lost() uint64 { return t.gone.Load() }

// Event returns the hook of the event with a name such as "sched:sched_switch".
func (t *Trace) Event(name string) (runtime.Hook, error) {
	for i, l := range t.events {
		if l.Name == name {
			return traceEvent{t, i}, nil
		}
	}
	return nil, fmt.Errorf("hooks: trace: it has no event %q", name)
}

// traceEvent is one event of a trace as a hook.
type traceEvent struct {
	trace *Trace
	event int
}

// Attach attaches a program.
func (h traceEvent) Attach(p *runtime.Program) (runtime.Link, error) {
	t := h.trace
	if err := takes(p.Spec().Type, t.events[h.event].Size); err != nil {
		return nil, fmt.Errorf("hooks: attach program %q to %s: %w", p.Name(), t.events[h.event].Name, err)
	}
	base, err := newLink(p, t.fuel)
	if err != nil {
		return nil, err
	}
	l := &eventLink{link: base}
	l.stop = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.links[h.event] = slices.DeleteFunc(slices.Clone(t.links[h.event]), func(x *eventLink) bool { return x == l })
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.links[h.event] = append(slices.Clip(t.links[h.event]), l)
	return l, nil
}

// deliver runs the programs that are attached to the record's event. Their
// failures are counted and returned; the next record may be delivered.
func (t *Trace) deliver(ctx context.Context, r *Record) error {
	t.mu.RLock()
	links := t.links[r.Event]
	t.mu.RUnlock()
	if t.clock != nil {
		t.clock.now.Store(r.Time)
	}
	t.delivered.Add(1)
	if t.each != nil {
		t.each(r)
	}
	var errs []error
	for _, l := range links {
		err := l.run(ctx, func(s runtime.Session) error { return s.Frame().Set(record(l.program.Spec().Type, r.Raw)) }, nil)
		if err != nil && !errors.Is(err, ErrDetached) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// lost counts records of an event that nobody will see.
func (t *Trace) lost(event int, n uint64) {
	t.gone.Add(n)
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, l := range t.links[event] {
		l.drops.Add(n)
	}
}
