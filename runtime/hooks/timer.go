package hooks

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
)

// Timer is a periodic event. A program of type perf_event sees the period as
// its sample_period; others get the record that TimerLayout describes.
type Timer struct {
	Every time.Duration
	Fuel  uint64 // of each run; 0 means runtime.DefaultFuel
}

// timerSize is the size of a timer's record in bytes.
const timerSize = 32

// TimerLayout describes the record of a timer: when it was due, in nanoseconds
// since the first, how often it came before, and how many times were missed
// since the last because the program, or the machine, was too slow.
func TimerLayout() Layout {
	return Layout{Name: "timer", Size: timerSize, Fields: []Field{
		{Name: "due", Off: 8, Size: 8}, {Name: "ticks", Off: 16, Size: 8}, {Name: "missed", Off: 24, Size: 8}}}
}

// perfPeriod is the offset of sample_period in bpf_perf_event_data.
const perfPeriod = 168

// Attach returns a *TimerLink.
func (h Timer) Attach(p *runtime.Program) (runtime.Link, error) {
	if h.Every <= 0 {
		return nil, fmt.Errorf("hooks: attach program %q to a timer: period of %v", p.Name(), h.Every)
	}
	if err := takes(p.Spec().Type, timerSize); err != nil {
		return nil, fmt.Errorf("hooks: attach program %q to a timer: %w", p.Name(), err)
	}
	l, err := newLink(p, h.Fuel)
	if err != nil {
		return nil, err
	}
	t := &TimerLink{eventLink: eventLink{link: l, done: make(chan struct{})}, every: h.Every}
	l.stop = func() { close(t.done) }
	return t, nil
}

// TimerLink is a program attached to a timer.
type TimerLink struct {
	eventLink
	every time.Duration
	mu    sync.Mutex // one loop at a time
}

// Run runs the program once per period until the context ends, which is no
// error, or the link is closed. Periods that pass while the program runs are
// missed and counted as drops, but for the last, which is late. A run that fails
// ends the timer.
func (l *TimerLink) Run(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	start, ticks := time.Now(), uint64(0)
	clock := time.NewTimer(l.every)
	defer clock.Stop()
	for next := uint64(1); ; ticks++ {
		select {
		case <-ctx.Done():
			return nil
		case <-l.done:
			return fmt.Errorf("hooks: timer of program %q: %w", l.program.Name(), ErrDetached)
		case <-clock.C:
		}
		now := max(uint64(time.Since(start)/l.every), next)
		err := l.fire(ctx, l.tick(now, ticks, now-next), nil)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		l.drops.Add(now - next)
		if err != nil {
			return err
		}
		next = now + 1
		clock.Reset(time.Until(start.Add(time.Duration(next) * l.every)))
	}
}

// tick returns the record of the n-th period.
func (l *TimerLink) tick(n, ticks, missed uint64) []byte {
	if l.program.Spec().Type == ir.PerfEvent {
		var b [perfPeriod + 16]byte
		binary.NativeEndian.PutUint64(b[perfPeriod:], uint64(l.every))
		return b[:]
	}
	var b [timerSize]byte
	binary.NativeEndian.PutUint64(b[8:], n*uint64(l.every))
	binary.NativeEndian.PutUint64(b[16:], ticks)
	binary.NativeEndian.PutUint64(b[24:], missed)
	return b[:]
}
