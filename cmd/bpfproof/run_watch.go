package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/metrics"
)

// watchFlags say what a program runs for besides an input, and who watches it.
type watchFlags struct {
	event   string
	last    time.Duration // of --event; 0: until interrupted
	pinned  []string      // MAP=FILE
	pins    map[string]string
	pinDir  string
	stats   bool
	metrics string // address
}

// The sources of --event.
const (
	liveEvents  = "live:"
	traceEvents = "trace:"
	timerEvents = "timer:"
)

func (w *watchFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.event, "event", "", "run for events: live:INTERFACE, trace:SYSTEM:NAME or timer:PERIOD")
	f.DurationVar(&w.last, "for", 0, "how long events are waited for (0: until interrupted)")
	f.StringArrayVar(&w.pinned, "pin", nil, "keep a map in a file, where it outlives the run: MAP=FILE")
	f.StringVar(&w.pinDir, "pin-dir", "", "directory of maps whose definitions ask to be pinned by name")
	f.BoolVar(&w.stats, "stats", false, "print what was counted: runs, time, errors, lost events, and the sizes of maps")
	f.StringVar(&w.metrics, "metrics", "", "address to serve metrics for Prometheus, and /maps/NAME, on while programs run, such as localhost:9100")
}

// check finds flags that do not go together.
func (w *watchFlags) check(engines []string, input bool) error {
	w.pins = map[string]string{}
	for _, text := range w.pinned {
		name, path, ok := strings.Cut(text, "=")
		if !ok || name == "" || path == "" {
			return fmt.Errorf("--pin %s: want MAP=FILE", text)
		}
		w.pins[name] = path
	}
	for _, name := range engines {
		if name == "kernel" && (w.event != "" || w.stats || w.metrics != "" || len(w.pins) > 0 || w.pinDir != "") {
			return errors.New("--event, --stats, --metrics and --pin go without the engine kernel: it has its own")
		}
	}
	known := false
	for _, source := range []string{liveEvents, traceEvents, timerEvents} {
		known = known || strings.HasPrefix(w.event, source)
	}
	switch {
	case w.event != "" && input:
		return errors.New("--event goes without --input, --ctx, --repeat and --pcap")
	case w.event != "" && !known:
		return fmt.Errorf("--event %s: want live:INTERFACE, trace:SYSTEM:NAME or timer:PERIOD", w.event)
	case w.last < 0 || w.last > 0 && w.event == "":
		return fmt.Errorf("--for %v: want a time, with --event", w.last)
	}
	return nil
}

// run attaches the program to the events and counts them.
func (w *watchFlags) run(ctx context.Context, p *runtime.Program, clock *hooks.EventClock) (*runJSON, error) {
	if w.last > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, w.last)
		defer stop()
	}
	a := &runJSON{}
	var err error
	switch source, name, _ := strings.Cut(w.event, ":"); source + ":" {
	case liveEvents:
		err = w.live(ctx, p, name, a)
	case traceEvents:
		err = w.trace(ctx, p, name, clock)
	case timerEvents:
		err = w.timer(ctx, p, name)
	}
	if err != nil {
		return nil, err
	}
	s := p.Stats()
	if a.Packets = int(s.Runs); s.Runs > 0 {
		a.NsPerRun = float64(s.Nanos) / float64(s.Runs)
	}
	return a, nil
}

func (w *watchFlags) live(ctx context.Context, p *runtime.Program, name string, a *runJSON) error {
	l, err := p.Attach(&hooks.Live{Interface: name, Each: func(_ hooks.Packet, ret uint64) { a.RetVal = ret }})
	if err != nil {
		return err
	}
	report, err := l.(*hooks.LiveLink).Run(ctx)
	a.Verdicts = named(p.Spec().Type, report.Verdicts)
	return err
}

func (w *watchFlags) trace(ctx context.Context, p *runtime.Program, name string, clock *hooks.EventClock) error {
	fs, err := hooks.FindTracefs(true)
	if err != nil {
		return err
	}
	t, err := hooks.OpenTracer(fs, hooks.TracerOptions{TraceOptions: hooks.TraceOptions{Clock: clock}, Events: []string{name}})
	if err != nil {
		return err
	}
	hook, err := t.Event(name)
	if err == nil {
		_, err = p.Attach(hook)
	}
	if err == nil {
		err = t.Run(ctx)
	}
	return first(err, t.Close())
}

func (w *watchFlags) timer(ctx context.Context, p *runtime.Program, period string) error {
	every, err := time.ParseDuration(period)
	if err != nil {
		return fmt.Errorf("--event %s: %w", w.event, err)
	}
	l, err := p.Attach(hooks.Timer{Every: every})
	if err != nil {
		return err
	}
	return l.(*hooks.TimerLink).Run(ctx)
}

// serve shows the object's metrics until the returned function is called.
func (w *watchFlags) serve(stderr io.Writer, e *loaded) (stop func(), err error) {
	if w.metrics == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", w.metrics)
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(e.object))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /maps/{name}", func(w http.ResponseWriter, r *http.Request) { serveMap(w, r, e.object) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintf(stderr, "metrics: http://%s/metrics\n", listener.Addr())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }() // ends by Shutdown
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx) // who still reads loses a page
		<-ended
	}, nil
}

// serveMap writes the elements of a map, one JSON object a line, as map dump
// does of a map that nobody has open.
func serveMap(w http.ResponseWriter, r *http.Request, o *runtime.Object) {
	m := o.Map(r.PathValue("name"))
	if m == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	for k, v := range maps.All(m) {
		if out.Encode(mapJSON{Key: hex.EncodeToString(k), Value: hex.EncodeToString(v)}) != nil {
			return // the reader has gone
		}
	}
}

// statsJSON is what run --stats prints.
type statsJSON struct {
	Runs   uint64         `json:"runs"`
	Errors uint64         `json:"errors"`
	Drops  uint64         `json:"drops"`
	Nanos  uint64         `json:"nanos"`
	Maps   []mapStatsJSON `json:"maps"`
}

type mapStatsJSON struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Elements   int    `json:"elements"` // -1 where the kind does not count them
	MaxEntries uint32 `json:"max_entries"`
	Bytes      uint64 `json:"bytes"`
	Drops      uint64 `json:"drops,omitempty"` // records for which a ring buffer had no room
}

func statsOf(o *runtime.Object) *statsJSON {
	s := o.Programs()[0].Stats()
	j := &statsJSON{Runs: s.Runs, Errors: s.Errors, Drops: s.Drops, Nanos: s.Nanos, Maps: []mapStatsJSON{}}
	for _, m := range o.Maps() {
		i := maps.InfoOf(m)
		row := mapStatsJSON{Name: i.Name, Type: i.Type.String(), Elements: i.Elements, MaxEntries: i.MaxEntries, Bytes: i.Bytes}
		if r, ok := m.(*maps.RingBuf); ok {
			row.Drops = r.Dropped()
		}
		j.Maps = append(j.Maps, row)
	}
	return j
}

// text is what follows an answer.
func (s *statsJSON) text() string {
	if s == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  %d runs, %d errors, %d events lost, %.1f ns/run", s.Runs, s.Errors, s.Drops, float64(s.Nanos)/float64(max(s.Runs, 1)))
	for _, m := range s.Maps {
		fmt.Fprintf(&b, "\n  map %-16s %-13s", m.Name, m.Type)
		if m.Elements >= 0 {
			fmt.Fprintf(&b, " %d of", m.Elements)
		}
		fmt.Fprintf(&b, " %d, %d bytes", m.MaxEntries, m.Bytes)
		if m.Drops > 0 {
			fmt.Fprintf(&b, ", %d records lost", m.Drops)
		}
	}
	return b.String()
}

// listed puts a separator before a list that is not empty.
func listed(separator, list string) string {
	if list == "" {
		return ""
	}
	return separator + list
}
