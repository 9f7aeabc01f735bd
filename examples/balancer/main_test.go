package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/internal/traffic"
	"github.com/bpfproof/bpfproof/runtime/hooks"
)

func capture(t *testing.T, packets int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "traffic.pcap")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, traffic.Write(f, traffic.Generate(traffic.Options{Packets: packets})))
	require.NoError(t, f.Close())
	return path
}

// sum is the sum in ones' complement of the 16-bit words of b, from 0 to 0xfffe.
func sum(b ...[]byte) uint32 {
	total := uint32(0)
	for _, x := range b {
		for i := 0; i < len(x); i += 2 {
			word := uint32(x[i]) << 8
			if i+1 < len(x) {
				word |= uint32(x[i+1])
			}
			total += word
		}
	}
	return total % 0xffff
}

// TestModel: every packet goes where the model says, and comes there as it was
// but for addresses and checksums; the checksums are as right as they were.
func TestModel(t *testing.T) {
	b, err := newBalancer(context.Background())
	require.NoError(t, err)
	defer b.object.Close()
	var names []string
	for i := range 5 {
		addr := netip.AddrFrom4([4]byte{10, 9, 0, byte(i + 1)})
		require.NoError(t, b.addBackend(i, addr))
		names = append(names, addr.String())
	}
	services := map[service]int{}
	for i, text := range []string{"192.0.2.1:443/tcp", "192.0.2.1:53/udp", "192.0.2.1:80/tcp"} {
		s, err := parseService(text)
		require.NoError(t, err)
		services[s] = i
		if i == 2 {
			names = nil // a service without backends
		}
		require.NoError(t, b.setService(i, s, names))
		if i == 1 {
			names[3] = ""
			require.NoError(t, b.setService(i, s, names))
		}
	}
	tables := []([places]int){maglev(b.names()), maglev([]string{"10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.5"}), maglev(nil)}
	count := map[string]int{}
	require.NoError(t, b.replay(context.Background(), capture(t, 12000), func(p hooks.Packet) {
		f, ok := parse(p.Data)
		number, serves := services[service{netip.AddrPortFrom(f.to, f.dest), f.protocol}]
		if !ok || !serves {
			count["passed"]++
			got, ok := b.front.Up().TryNext()
			require.True(t, ok, "packet %d", p.Index)
			require.Equal(t, p.Data, got)
			return
		}
		chosen := tables[number][f.place()]
		if chosen < 0 {
			count["dropped"]++
			return
		}
		if number == 1 && chosen == 3 {
			chosen = 4 // the fourth of those that are left
		}
		count[fmt.Sprint("service ", number)]++
		x := b.backends[chosen]
		got, ok := x.dev.Wire().TryNext()
		require.True(t, ok, "packet %d is to go to backend %d", p.Index, chosen)
		same(t, p.Data, got, x)
	}))
	s := b.front.Stats()
	require.EqualValues(t, 12000, s.Received)
	require.EqualValues(t, count["passed"], s.Passed)
	require.EqualValues(t, count["dropped"], s.Dropped)
	require.EqualValues(t, count["service 0"]+count["service 1"], s.Redirected)
	for _, kind := range []string{"passed", "dropped", "service 0", "service 1"} {
		require.Greater(t, count[kind], 100, "%s: the traffic has enough of it", kind)
	}
	for _, x := range b.backends {
		require.Zero(t, x.dev.Wire().Len(), "no packet is left over")
	}
}

// same compares a packet with what came to a backend.
func same(t *testing.T, sent, got []byte, x backend) {
	t.Helper()
	require.Equal(t, []byte(x.mac), got[:6])
	require.Equal(t, []byte(x.dev.Address()), got[6:12])
	to := x.addr.As4()
	require.Equal(t, to[:], got[30:34])
	require.Equal(t, sum(sent[14:34]), sum(got[14:34]), "checksum of the header")
	at := 34 + 16 // of TCP
	if sent[23] == 17 {
		at = 34 + 6
	}
	if sent[23] == 6 || binary.BigEndian.Uint16(sent[at:]) != 0 {
		require.Equal(t, sum(sent[26:34], sent[34:]), sum(got[26:34], got[34:]), "checksum over addresses and data")
	}
	back := bytes.Clone(got) // all else is as it was
	copy(back[:12], sent)
	copy(back[30:34], sent[30:34])
	copy(back[24:26], sent[24:26])
	copy(back[at:at+2], sent[at:at+2])
	require.Equal(t, sent, back)
}

// TestMaglev: places are shared fairly, and few change their owner when a
// backend goes.
func TestMaglev(t *testing.T) {
	for n := 1; n <= 40; n++ {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("10.9.%d.%d", n, i))
		}
		all, count := maglev(names), make([]int, n)
		for _, owner := range all {
			count[owner]++
		}
		for i, c := range count {
			require.InDelta(t, places/n, c, 1, "backend %d of %d", i, n)
		}
		if n == 1 {
			continue
		}
		gone := n / 2
		left := maglev(append(append([]string{}, names[:gone]...), names[gone+1:]...))
		moved := 0
		for place, owner := range all {
			now := left[place]
			if now >= gone {
				now++
			}
			if owner != gone && owner != now {
				moved++
			}
		}
		require.Less(t, moved, places/5, "%d backends: places that changed between those that stay", n)
	}
}

func TestCommand(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), []string{"--pcap", capture(t, 2000)}, &out))
	require.Regexp(t, `^2000 packets: \d+ to backends, \d+ passed, 0 dropped\n10\.9\.0\.1 +\d+ packets +\d+ bytes\n`, out.String())
	for _, bad := range [][]string{{}, {"--service", "1.2.3.4"}, {"--service", "1.2.3.4:5/icmp"}, {"--backends", "::1"}, {"--backends", "many"}, {"--pcap", "main.go"}} {
		require.Error(t, run(context.Background(), bad, &out), "%v", bad)
	}
}
