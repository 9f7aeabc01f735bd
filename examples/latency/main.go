// Command latency is an example of an application of bpfproof: it shows how
// long tasks wait for a processor, as a histogram, from the scheduler's
// tracepoints of the running kernel or from a recording of them.
//
// The programs run here, not in the kernel: the kernel writes the records of its
// tracepoints, and the programs see them with the times at which they were made.
// The command checks that this kernel's records have the layouts that the
// programs, in bpf/latency.c, were written for.
//
// Invariant: the histogram is that of the model in model.go, which a test checks
// on a recording of a real machine.
//
//	latency --seconds 5
//	latency --replay testdata/sched.trace.gz
//
// Sources: runqlat of the BCC tools for what is measured;
// include/trace/events/sched.h of Linux 6.18.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

//go:embed bpf/latency.o
var object []byte

// attachment says which program runs for an event, and what the program expects
// of its records.
type attachment struct {
	event, program string
	fields         []hooks.Field
}

var attachments = []attachment{
	{"sched:sched_wakeup", "on_wakeup", []hooks.Field{{Name: "pid", Off: 24, Size: 4, Signed: true}}},
	{"sched:sched_wakeup_new", "on_wakeup_new", []hooks.Field{{Name: "pid", Off: 24, Size: 4, Signed: true}}},
	{"sched:sched_switch", "on_switch", []hooks.Field{{Name: "prev_pid", Off: 24, Size: 4, Signed: true},
		{Name: "prev_state", Off: 32, Size: 8, Signed: true}, {Name: "next_pid", Off: 56, Size: 4, Signed: true}}},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("latency", flag.ContinueOnError)
	seconds := f.Float64("seconds", 5, "how long to trace")
	record := f.String("record", "", "file to write the trace to, compressed")
	replay := f.String("replay", "", "recording to read instead of the running kernel's tracepoints")
	if err := f.Parse(args); err != nil {
		return err
	}
	l, err := load(ctx)
	if err != nil {
		return err
	}
	defer l.object.Close()
	if *replay != "" {
		err = l.replay(ctx, *replay, nil)
	} else {
		ctx, stop := context.WithTimeout(ctx, time.Duration(*seconds*float64(time.Second)))
		defer stop()
		err = l.trace(ctx, *record)
	}
	if err != nil {
		return err
	}
	return l.print(out)
}

// meter is the loaded programs.
type meter struct {
	object *runtime.Object
	clock  *hooks.EventClock
	links  []runtime.Link
}

func load(ctx context.Context) (*meter, error) {
	l := &meter{clock: &hooks.EventClock{}}
	opts := pipeline.Options{}
	opts.Native.Clock = l.clock
	var err error
	l.object, err = pipeline.LoadObject(ctx, "latency.o", bytes.NewReader(object), opts)
	return l, err
}

// attach attaches every program to its event.
func (l *meter) attach(t *hooks.Trace) error {
	for _, a := range attachments {
		hook, err := t.Event(a.event)
		if err != nil {
			return err
		}
		for _, layout := range t.Events() {
			if layout.Name != a.event {
				continue
			}
			for _, want := range a.fields {
				if got, _ := layout.Field(want.Name); got != want {
					return fmt.Errorf("%s of this kernel has %+v, the program expects %+v", a.event, got, want)
				}
			}
		}
		link, err := l.object.Program(a.program).Attach(hook)
		if err != nil {
			return err
		}
		l.links = append(l.links, link)
	}
	return nil
}

// trace measures the running kernel until the context ends.
func (l *meter) trace(ctx context.Context, path string) (err error) {
	fs, err := hooks.FindTracefs(true)
	if err != nil {
		return fmt.Errorf("%w (--replay reads a recording instead)", err)
	}
	var recorder *hooks.Recorder
	opts := hooks.TracerOptions{TraceOptions: hooks.TraceOptions{Clock: l.clock}}
	if path != "" {
		opts.Each = func(r *hooks.Record) { recorder.Write(r) }
	}
	for _, a := range attachments {
		opts.Events = append(opts.Events, a.event)
	}
	t, err := hooks.OpenTracer(fs, opts)
	if err != nil {
		return fmt.Errorf("%w (--replay reads a recording instead)", err)
	}
	defer t.Close()
	if path != "" {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		z := gzip.NewWriter(f)
		if recorder, err = hooks.NewRecorder(z, t.Events()); err != nil {
			return errors.Join(err, f.Close())
		}
		defer func() { err = errors.Join(err, recorder.Flush(), z.Close(), f.Close()) }()
	}
	if err := l.attach(t.Trace); err != nil {
		return err
	}
	return t.Run(ctx)
}

// replay measures a recording.
func (l *meter) replay(ctx context.Context, path string, each func(*hooks.Record)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := hooks.OpenRecording(path, f, hooks.TraceOptions{Clock: l.clock, Each: each})
	if err != nil {
		return err
	}
	if err := l.attach(t.Trace); err != nil {
		return err
	}
	return t.Run(ctx)
}

// read returns what the programs counted.
func (l *meter) read() (h [slots]uint64, t totals, err error) {
	counts, err1 := maps.Of[uint32, uint64](l.object.Map("histogram"))
	all, err2 := maps.Of[uint32, totals](l.object.Map("totals"))
	if err := errors.Join(err1, err2); err != nil {
		return h, t, err
	}
	for slot, n := range counts.All() {
		h[slot] = n
	}
	t, err = all.Lookup(0)
	return h, t, err
}

// drops returns how many records the programs did not see.
func (l *meter) drops() (n uint64) {
	for _, link := range l.links {
		n += link.Stats().Drops
	}
	return n
}

func (l *meter) print(out io.Writer) error {
	h, t, err := l.read()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d waits for a processor, %v on average, the longest %v by task %d; %d records lost\n", t.Waits,
		time.Duration(t.Nanos/max(t.Waits, 1)), time.Duration(t.Longest), t.LongestPID, l.drops())
	most, first, last := uint64(1), slots, 0
	for i, n := range h {
		if n > 0 {
			most, first, last = max(most, n), min(first, i), i
		}
	}
	for i := first; i <= last; i++ {
		bar := strings.Repeat("#", int((h[i]*40+most-1)/most))
		if _, err := fmt.Fprintf(out, "%12v .. %-12v %8d %s\n", time.Duration(1)<<i, time.Duration(2)<<i, h[i], bar); err != nil {
			return err
		}
	}
	return nil
}
