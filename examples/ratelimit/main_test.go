package main

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/runtime/hooks"
)

func capture(t *testing.T, packets int) (string, []traffic.Packet) {
	t.Helper()
	all := traffic.Generate(traffic.Options{Packets: packets})
	path := filepath.Join(t.TempDir(), "traffic.pcap")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, traffic.Write(f, all))
	require.NoError(t, f.Close())
	return path, all
}

// TestModel: the program's verdicts and its table are the model's.
func TestModel(t *testing.T) {
	path, packets := capture(t, 12000)
	for _, c := range []config{{2, 1}, {5, 3}, {1, 40}, {1_000_000, 1}, {1000, 1_000_000}} {
		l, err := load(context.Background(), c, true, "")
		require.NoError(t, err)
		m := newModel(c)
		report, err := l.replay(context.Background(), path, func(p hooks.Packet, ret uint64) {
			require.Equal(t, m.packet(p.Data, uint64(p.Time.UnixNano())), ret, "%+v: packet %d", c, p.Index)
		})
		require.NoError(t, err)
		require.EqualValues(t, len(packets), report.Packets)
		rows, err := l.sources()
		require.NoError(t, err)
		require.Len(t, rows, len(m.sources), "%+v", c)
		for _, r := range rows {
			require.Equal(t, *m.sources[r.from], r.bucket, "%+v: %v", c, r.from)
		}
		if c.Rate == 2 {
			require.Positive(t, report.Verdicts[drop], "the limit is low enough to do something")
			require.Positive(t, report.Verdicts[pass])
		}
		require.NoError(t, l.object.Close())
	}
}

// TestManySources: more sources than the table holds push out others; it never
// fails, and who is new has a full bucket.
func TestManySources(t *testing.T) {
	path := filepath.Join(t.TempDir(), "many.pcap")
	f, err := os.Create(path)
	require.NoError(t, err)
	packets := traffic.Generate(traffic.Options{Packets: 20000, Sources4: 30000, Sources6: 30000})
	require.NoError(t, traffic.Write(f, packets))
	require.NoError(t, f.Close())
	l, err := load(context.Background(), config{1, 1}, true, "")
	require.NoError(t, err)
	defer l.object.Close()
	seen := map[netip.Addr]bool{}
	report, err := l.replay(context.Background(), path, func(p hooks.Packet, ret uint64) {
		from, ok := source(p.Data)
		if !ok || !seen[from] {
			require.EqualValues(t, pass, ret, "packet %d", p.Index)
		}
		if ok {
			seen[from] = true
		}
	})
	require.NoError(t, err)
	require.EqualValues(t, len(packets), report.Packets)
	rows, err := l.sources()
	require.NoError(t, err)
	const table = 1024
	require.Greater(t, len(seen), 5*table)
	require.LessOrEqual(t, len(rows), table)
	require.Greater(t, len(rows), table/2)
}

// TestCommand runs the example as its README does, twice on one pinned table.
func TestCommand(t *testing.T) {
	path, _ := capture(t, 2000)
	pin := filepath.Join(t.TempDir(), "sources")
	args := []string{"--rate", "2", "--burst", "1", "--pcap", path, "--pin", pin}
	var first, second bytes.Buffer
	require.NoError(t, run(context.Background(), args, &first))
	require.Regexp(t, `^2000 packets: \d+ passed, \d+ dropped, \d+ ns a packet\n\d+ sources, those that lost most:\n`, first.String())
	require.NoError(t, run(context.Background(), args, &second))
	require.NotEqual(t, first.String(), second.String(), "the table was kept")
	for _, bad := range [][]string{{}, {"--pcap", path, "--rate", "0"}, {"--pcap", filepath.Join(t.TempDir(), "none")}, {"--pcap", path, "--interface", "lo"}} {
		require.Error(t, run(context.Background(), bad, &first), "%v", bad)
	}
}
