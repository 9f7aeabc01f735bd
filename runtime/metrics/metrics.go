// Package metrics shows what loaded programs and their maps count to Prometheus.
//
// A [Collector] reads the counters of links and the sizes of maps when it is
// asked, and keeps nothing itself. It knows package runtime and the client
// library of Prometheus; it must not know engines, verifier or compiler.
//
// Invariants: reading metrics takes no lock that a running program waits for;
// counters never go down while the object is loaded; an object that is closed has
// to be taken out of the registry first.
//
//	registry := prometheus.NewRegistry()
//	registry.MustRegister(metrics.New(object))
//	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// Sources: the conventions of prometheus.io on names and units; bpftool-prog(8)
// for what is worth counting.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Collector collects the metrics of an object. It implements
// prometheus.Collector and is safe for concurrent use.
type Collector struct {
	object *runtime.Object

	runs, failures, drops, seconds, links *prometheus.Desc
	elements, capacity, bytes, lost       *prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns the collector of a loaded object's metrics.
func New(o *runtime.Object) *Collector {
	program := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("bpfproof_program_"+name, help, []string{"program"}, nil)
	}
	ofMap := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("bpfproof_map_"+name, help, []string{"map", "type"}, nil)
	}
	return &Collector{object: o,
		runs:     program("runs_total", "Events that the program was run for to its exit."),
		failures: program("errors_total", "Runs that did not reach their exit."),
		drops:    program("dropped_events_total", "Events that were lost before the program saw them."),
		seconds:  program("run_seconds_total", "Wall time of the runs."),
		links:    program("links", "Links that the program ever had."),
		elements: ofMap("elements", "Elements in the map, where its kind counts them."),
		capacity: ofMap("max_entries", "Elements that the map may hold; bytes of a ring buffer."),
		bytes:    ofMap("bytes", "Address space that the map takes."),
		lost:     ofMap("dropped_records_total", "Records for which a ring buffer had no room."),
	}
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.runs, c.failures, c.drops, c.seconds, c.links, c.elements, c.capacity, c.bytes, c.lost} {
		out <- d
	}
}

// Collect sends the metrics as they are now.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	const nanosPerSecond = 1e9
	send := func(d *prometheus.Desc, kind prometheus.ValueType, x float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, x, labels...)
	}
	for _, p := range c.object.Programs() {
		s := p.Stats()
		send(c.runs, prometheus.CounterValue, float64(s.Runs), p.Name())
		send(c.failures, prometheus.CounterValue, float64(s.Errors), p.Name())
		send(c.drops, prometheus.CounterValue, float64(s.Drops), p.Name())
		send(c.seconds, prometheus.CounterValue, float64(s.Nanos)/nanosPerSecond, p.Name())
		send(c.links, prometheus.GaugeValue, float64(len(p.Links())), p.Name())
	}
	seen := map[string]bool{}
	for _, m := range c.object.Maps() {
		i := maps.InfoOf(m)
		if i.Name == "" || seen[i.Name] {
			continue // only names tell maps apart
		}
		seen[i.Name] = true
		kind := i.Type.String()
		if i.Elements >= 0 {
			send(c.elements, prometheus.GaugeValue, float64(i.Elements), i.Name, kind)
		}
		send(c.capacity, prometheus.GaugeValue, float64(i.MaxEntries), i.Name, kind)
		send(c.bytes, prometheus.GaugeValue, float64(i.Bytes), i.Name, kind)
		if r, ok := m.(*maps.RingBuf); ok {
			send(c.lost, prometheus.CounterValue, float64(r.Dropped()), i.Name, kind)
		}
	}
}
