package hooks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// TracerOptions say what is traced.
type TracerOptions struct {
	TraceOptions
	// Events are names such as "sched:sched_switch".
	Events []string
	// Filters are conditions on the fields of events, by name, in the kernel's
	// language, such as "prev_pid != 0" (Documentation/trace/events.rst).
	Filters map[string]string
	PID     int // of the only thread to trace; 0: all
	Buffer  int // bytes of each event's buffer on each processor, a power of two of pages; 0: 512 KiB
}

// Tracer is a Trace of the running kernel: its tracepoints, read through
// perf_event_open(2). No program runs in the kernel; the records reach the
// programs here a little later, in the order of their times.
type Tracer struct {
	*Trace
	rings   []*perfRing
	pending []Record // read and not yet delivered
	mu      sync.Mutex
	closed  bool
}

// OpenTracer opens the events on all processors. They are not recorded before
// Run. What the kernel does not permit is os.ErrPermission.
func OpenTracer(fs Tracefs, opts TracerOptions) (_ *Tracer, err error) {
	if opts.Buffer == 0 {
		opts.Buffer = 512 << 10
	}
	page := os.Getpagesize()
	if pages := opts.Buffer / page; pages < 1 || pages&(pages-1) != 0 || opts.Buffer%page != 0 {
		return nil, fmt.Errorf("hooks: trace: buffer of %d bytes is no power of two of pages", opts.Buffer)
	}
	if len(opts.Events) == 0 {
		return nil, errors.New("hooks: trace: no events are named")
	}
	cpus, err := onlineCPUs()
	if err != nil {
		return nil, err
	}
	t := &Tracer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	var layouts []Layout
	for i, name := range opts.Events {
		id, l, err := fs.Layout(name)
		if err != nil {
			return nil, err
		}
		layouts = append(layouts, l)
		for _, cpu := range cpus {
			r, err := openPerf(id, i, cpu, &opts)
			if err != nil {
				return nil, fmt.Errorf("hooks: trace %s on processor %d: %w", name, cpu, err)
			}
			t.rings = append(t.rings, r)
			if f := opts.Filters[name]; f != "" {
				if err := unix.IoctlSetString(r.fd, unix.PERF_EVENT_IOC_SET_FILTER, f); err != nil {
					return nil, fmt.Errorf("hooks: trace %s: filter %q: %w", name, f, err)
				}
			}
		}
	}
	t.Trace = newTrace(layouts, opts.TraceOptions)
	return t, nil
}

// onlineCPUs returns the numbers of the processors that are on.
func onlineCPUs() ([]int, error) {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return nil, fmt.Errorf("hooks: find processors: %w", err)
	}
	var cpus []int
	for part := range strings.SplitSeq(strings.TrimSpace(string(text)), ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("hooks: find processors: %w", err)
		}
		for cpu := a; cpu <= b; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// pollMillis is how long records wait at most for the next look at the buffers,
// unless these fill up before.
const pollMillis = 20

// Run records and delivers events until the context ends, which is no error.
// Programs' failures are counted by their links and do not end the trace. What
// the programs were too slow for the kernel counts, and the links as drops.
func (t *Tracer) Run(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fmt.Errorf("hooks: trace: %w", ErrDetached)
	}
	if err := t.enable(unix.PERF_EVENT_IOC_ENABLE); err != nil {
		return err
	}
	fds := make([]unix.PollFd, len(t.rings))
	for i, r := range t.rings {
		fds[i] = unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN}
	}
	whole := context.WithoutCancel(ctx) // what was recorded is delivered
	horizon := uint64(0)
	for ctx.Err() == nil {
		if _, err := unix.Poll(fds, pollMillis); err != nil && err != unix.EINTR {
			return errors.Join(fmt.Errorf("hooks: trace: wait for records: %w", err), t.enable(unix.PERF_EVENT_IOC_DISABLE))
		}
		// What was recorded before the last look lies in the buffers by now: up to
		// there the order is known.
		now := monotonic()
		t.drain()
		t.deliverUntil(whole, horizon)
		horizon = now
	}
	err := t.enable(unix.PERF_EVENT_IOC_DISABLE)
	t.drain()
	t.deliverUntil(whole, ^uint64(0))
	return err
}

func monotonic() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0 // nothing is delivered before the trace ends
	}
	return uint64(ts.Nano())
}

func (t *Tracer) enable(request uint) error {
	for _, r := range t.rings {
		if err := unix.IoctlSetInt(r.fd, request, 0); err != nil {
			return fmt.Errorf("hooks: trace %s: %w", t.events[r.event].Name, err)
		}
	}
	return nil
}

// drain takes all records out of the buffers.
func (t *Tracer) drain() {
	for _, r := range t.rings {
		lost := r.drain(func(time uint64, cpu uint32, raw []byte) {
			t.pending = append(t.pending, Record{Event: r.event, Time: time, CPU: cpu, Raw: raw})
		})
		if lost > 0 {
			t.lost(r.event, lost)
		}
	}
}

// deliverUntil delivers the records up to a time, in the order of their times.
func (t *Tracer) deliverUntil(ctx context.Context, horizon uint64) {
	slices.SortStableFunc(t.pending, func(a, b Record) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return a.Event - b.Event
	})
	n := 0
	for ; n < len(t.pending) && t.pending[n].Time <= horizon; n++ {
		_ = t.deliver(ctx, &t.pending[n]) // counted by the links
	}
	t.pending = append(t.pending[:0], t.pending[n:]...)
}

// Close ends the trace, after the run under way. Links stay, and nothing
// reaches them. Further calls do nothing.
func (t *Tracer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var errs []error
	for _, r := range t.rings {
		errs = append(errs, r.close())
	}
	t.rings = nil
	return errors.Join(errs...)
}

// u64At reads a number of a record of the kernel.
func u64At(b []byte, off int) uint64 { return binary.NativeEndian.Uint64(b[off:]) }
