package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bpfproof/bpfproof/runtime"
)

// Event is an event of the application's own: it declares what its records look
// like, and fires. Programs of types tracepoint, raw_tracepoint, perf_event,
// kprobe and without a type can be attached. It is safe for concurrent use.
type Event struct {
	layout Layout
	opts   EventOptions
	mu     sync.RWMutex
	links  []*eventLink
}

// EventOptions say what happens to records that are posted.
type EventOptions struct {
	// Queue is how many posted records may wait for each program; 0: records
	// cannot be posted, only fired.
	Queue int
	// Wait makes Post wait for room. Without it a record that finds none is
	// dropped and counted.
	Wait bool
	Fuel uint64 // of each run; 0 means runtime.DefaultFuel
}

// maxQueue bounds the queue of an event.
const maxQueue = 1 << 20

// NewEvent returns an event whose records have the layout.
func NewEvent(layout Layout, opts EventOptions) (*Event, error) {
	if err := layout.check(); err != nil {
		return nil, err
	}
	if opts.Queue < 0 || opts.Queue > maxQueue {
		return nil, fmt.Errorf("hooks: event %q: queue of %d records: want 0 to %d", layout.Name, opts.Queue, maxQueue)
	}
	return &Event{layout: layout, opts: opts}, nil
}

// Layout returns what the records look like. The caller must not change it.
func (e *Event) Layout() *Layout { return &e.layout }

// Attach attaches a program. There may be many; they run in the order in which
// they were attached.
func (e *Event) Attach(p *runtime.Program) (runtime.Link, error) {
	if err := takes(p.Spec().Type, e.layout.Size); err != nil {
		return nil, fmt.Errorf("hooks: attach program %q to event %q: %w", p.Name(), e.layout.Name, err)
	}
	base, err := newLink(p, e.opts.Fuel)
	if err != nil {
		return nil, err
	}
	l := &eventLink{link: base, done: make(chan struct{}), ended: make(chan struct{})}
	l.stop = func() { e.detach(l) }
	if e.opts.Queue > 0 {
		l.queue = make(chan []byte, e.opts.Queue)
		go l.work()
	} else {
		close(l.ended)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.links = append(slices.Clip(e.links), l)
	return l, nil
}

func (e *Event) detach(l *eventLink) {
	e.mu.Lock()
	e.links = slices.DeleteFunc(slices.Clone(e.links), func(x *eventLink) bool { return x == l })
	e.mu.Unlock()
	close(l.done)
	<-l.ended
	l.discard()
}

func (e *Event) attached() []*eventLink {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.links
}

// Fire runs every program on the record before it returns, and returns their
// results in the order of attachment; that of a program which failed is 0, and
// the error says why. A record that does not have the layout's size is an error.
func (e *Event) Fire(ctx context.Context, record []byte) ([]uint64, error) {
	if err := e.fits(record); err != nil {
		return nil, err
	}
	links := e.attached()
	rets := make([]uint64, len(links))
	var errs []error
	for i, l := range links {
		err := l.fire(ctx, record, func(ret uint64, _ runtime.Session) { rets[i] = ret })
		if err != nil && !errors.Is(err, ErrDetached) {
			errs = append(errs, err)
		}
	}
	return rets, errors.Join(errs...)
}

// Post leaves a copy of the record to be run by each program's own goroutine,
// in the order of the posts. It reports for how many programs there was room;
// with EventOptions.Wait it waits for room, until the context ends. Runs that
// fail are counted by the links.
func (e *Event) Post(ctx context.Context, record []byte) (int, error) {
	if err := e.fits(record); err != nil {
		return 0, err
	}
	if e.opts.Queue == 0 {
		return 0, fmt.Errorf("hooks: post event %q: it has no queue", e.layout.Name)
	}
	b, n := slices.Clone(record), 0
	for _, l := range e.attached() {
		select {
		case l.queue <- b:
			n++
			l.late()
			continue
		default:
		}
		if !e.opts.Wait {
			l.drops.Add(1)
			continue
		}
		select {
		case l.queue <- b:
			n++
			l.late()
		case <-l.done:
			l.drops.Add(1)
		case <-ctx.Done():
			l.drops.Add(1)
			return n, fmt.Errorf("hooks: post event %q: %w", e.layout.Name, context.Cause(ctx))
		}
	}
	return n, nil
}

func (e *Event) fits(record []byte) error {
	if len(record) != e.layout.Size {
		return fmt.Errorf("hooks: fire event %q: record has %d bytes, want %d", e.layout.Name, len(record), e.layout.Size)
	}
	return nil
}

// eventLink is a program attached to an event, or to a trace.
type eventLink struct {
	*link
	queue chan []byte   // of records that were posted; nil: none can be
	done  chan struct{} // closed when the link is
	ended chan struct{} // closed when the worker has ended
}

func (l *eventLink) fire(ctx context.Context, b []byte, see func(uint64, runtime.Session)) error {
	return l.run(ctx, func(s runtime.Session) error { return s.Frame().Set(record(l.program.Spec().Type, b)) }, see)
}

// late counts what was posted to a link that nobody empties any more.
func (l *eventLink) late() {
	if l.closed.Load() {
		<-l.ended
		l.discard()
	}
}

// discard counts what waits in the queue as dropped.
func (l *eventLink) discard() {
	for {
		select {
		case <-l.queue: // nil: there is none
			l.drops.Add(1)
		default:
			return
		}
	}
}

// work runs what is posted. Runs that fail are counted by the link.
func (l *eventLink) work() {
	defer close(l.ended)
	for {
		select {
		case <-l.done:
			return
		case b := <-l.queue:
			if err := l.fire(context.Background(), b, nil); errors.Is(err, ErrDetached) {
				l.drops.Add(1)
			}
		}
	}
}
