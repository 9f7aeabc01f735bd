package hooks_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/corpus"
	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/ir/elf"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

func classifier(t testing.TB) (*runtime.Object, *runtime.Program) {
	t.Helper()
	b, err := corpus.FS.ReadFile("examples/xdp_classifier.o")
	require.NoError(t, err)
	obj, err := elf.Read("xdp_classifier.o", bytes.NewReader(b))
	require.NoError(t, err)
	o, err := runtime.Load(context.Background(), obj.Programs, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o, o.Programs()[0]
}

func capture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, traffic.Write(&b, traffic.Generate(traffic.Options{})))
	return b.Bytes()
}

// TestClassifier replays the default capture and holds the maps to the
// verdicts and to what the packets were made as.
func TestClassifier(t *testing.T) {
	o, p := classifier(t)
	dropped := map[string]int{}
	packets := traffic.Generate(traffic.Options{})
	r, err := hooks.NewReader("traffic.pcap", bytes.NewReader(capture(t)), false)
	require.NoError(t, err)
	rep, err := hooks.Run(context.Background(), p.Engine(), r, hooks.ReplayOptions{Each: func(q hooks.Packet, ret uint64) {
		if ret == 1 {
			dropped[packets[q.Index-1].Kind]++
		}
	}})
	require.NoError(t, err)
	require.EqualValues(t, len(packets), rep.Packets)
	made := map[string]int{}
	for _, q := range packets {
		made[q.Kind]++
	}
	for _, k := range []string{"blocked-tcp4", "blocked-udp6", "vlan-blocked-udp4"} {
		require.Equal(t, made[k], dropped[k], k)
	}
	for k, n := range dropped {
		require.Contains(t, []string{"blocked-tcp4", "blocked-udp6", "vlan-blocked-udp4", "truncated"}, k, "%d packets dropped", n)
	}
	require.Equal(t, rep.Packets, rep.Verdicts[0]+rep.Verdicts[1]+rep.Verdicts[2])
	require.Greater(t, rep.Verdicts[0], uint64(100), "malformed packets")

	sum := func(name string) (n uint64) {
		for _, v := range maps.All(o.Map(name)) {
			n += binary.NativeEndian.Uint64(v)
		}
		return n
	}
	require.Equal(t, rep.Packets, sum("proto_packets"))
	require.Equal(t, rep.Bytes, sum("proto_bytes"))
	malformed, err := o.Map("proto_packets").Lookup(binary.NativeEndian.AppendUint32(nil, 7))
	require.NoError(t, err)
	require.Equal(t, rep.Verdicts[0], binary.NativeEndian.Uint64(malformed))
	require.Greater(t, len(elems(o.Map("sources"))), 350)
}

func elems(m maps.Map) map[string]string {
	got := map[string]string{}
	for k, v := range maps.All(m) {
		got[string(k)] = string(v)
	}
	return got
}

// BenchmarkReplay gives the time of one packet, with its way into the frame.
func BenchmarkReplay(b *testing.B) {
	_, p := classifier(b)
	file := capture(b)
	nanos, packets := uint64(0), uint64(0)
	for b.Loop() {
		r, err := hooks.NewReader("traffic.pcap", bytes.NewReader(file), false)
		require.NoError(b, err)
		rep, err := hooks.Run(context.Background(), p.Engine(), r, hooks.ReplayOptions{})
		require.NoError(b, err)
		nanos += rep.Nanos
		packets += rep.Packets
	}
	b.ReportMetric(float64(nanos)/float64(packets), "ns/packet")
}
