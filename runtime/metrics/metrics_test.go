package metrics

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// TestMetrics: what a program did is what a scrape says, also while the ring
// buffer is full that nobody reads.
func TestMetrics(t *testing.T) {
	p, err := asm.Parse("talker", `.type xdp
.license GPL
.map ring ringbuf entries 4096
.map seen hash key 4 value 4 entries 7
	*(u64 *)(r10 - 8) = 5
	r1 = map[ring]
	r2 = r10
	r2 += -8
	r3 = 8
	r4 = 0
	call ringbuf_output
	r1 = map[seen]
	r2 = r10
	r2 += -8
	r3 = r2
	r4 = 0
	call map_update_elem
	r0 = 2
	exit`)
	require.NoError(t, err)
	o, err := runtime.Load(context.Background(), []*ir.Program{p}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	defer o.Close()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(New(o)))
	l, err := o.Program("talker").Attach(hooks.Direct{})
	require.NoError(t, err)
	const runs, fit = 1000, 255 // records of 16 bytes; one byte of the ring stays free
	for range runs {
		_, err = l.(*hooks.DirectLink).Fire(context.Background(), runtime.Input{Data: make([]byte, 64)})
		require.NoError(t, err)
	}
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	text := page.Body.String()
	for _, want := range []string{`bpfproof_program_runs_total{program="talker"} 1000`, `bpfproof_program_errors_total{program="talker"} 0`,
		`bpfproof_program_dropped_events_total{program="talker"} 0`, `bpfproof_program_links{program="talker"} 1`,
		`bpfproof_map_elements{map="seen",type="hash"} 1`, `bpfproof_map_max_entries{map="seen",type="hash"} 7`,
		`bpfproof_map_max_entries{map="ring",type="ringbuf"} 4096`, `bpfproof_map_dropped_records_total{map="ring",type="ringbuf"} 745`} {
		require.Contains(t, text, want+"\n")
	}
	require.NotContains(t, text, `elements{map="ring"`)
	require.Regexp(t, `bpfproof_program_run_seconds_total\{program="talker"\} [0-9.e-]+\n`, text)
	require.Equal(t, runs-fit, 745)
	require.Empty(t, strings.TrimSpace(strings.Split(text, "# HELP")[0]))
}
