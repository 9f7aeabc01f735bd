package hooks

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// text loads the programs of a text without verification.
func text(t testing.TB, source string) *runtime.Object {
	t.Helper()
	p, err := asm.Parse("test", source)
	require.NoError(t, err)
	o, err := runtime.Load(context.Background(), []*ir.Program{p}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	return o
}

// returns is a program that returns a number.
func returns(t testing.TB, kind string, ret int) *runtime.Program {
	return text(t, fmt.Sprintf(".type %s\n r0 = %d\n exit\n", kind, ret)).Programs()[0]
}

func attach(t testing.TB, p *runtime.Program, h runtime.Hook) runtime.Link {
	t.Helper()
	l, err := p.Attach(h)
	require.NoError(t, err)
	return l
}

// ping is an Ethernet frame of a type, with a byte to tell it from others.
func ping(to []byte, proto uint16, mark byte) []byte {
	b := append(append([]byte{}, to...), 2, 0, 0, 0, 9, 9)
	return append(binary.BigEndian.AppendUint16(b, proto), mark, 0, 0, 0)
}

var everybody = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func TestVerdictsOfXDP(t *testing.T) {
	one := DeviceStats{Received: 1, ReceivedBytes: 18}
	with := func(f func(*DeviceStats)) DeviceStats { s := one; f(&s); return s }
	tests := []struct {
		ret      int
		want     DeviceStats
		up, wire int
	}{
		{0, with(func(s *DeviceStats) { s.Aborted = 1 }), 0, 0},
		{1, with(func(s *DeviceStats) { s.Dropped = 1 }), 0, 0},
		{2, with(func(s *DeviceStats) { s.Passed = 1 }), 1, 0},
		{3, with(func(s *DeviceStats) { s.Sent, s.SentBytes = 1, 18 }), 0, 1},
		{4, with(func(s *DeviceStats) { s.NoTarget = 1 }), 0, 0}, // redirect, but to where?
		{77, with(func(s *DeviceStats) { s.Aborted = 1 }), 0, 0},
	}
	for _, tt := range tests {
		d := NewNetwork(0).AddDevice("eth0")
		l := attach(t, returns(t, "xdp", tt.ret), d.XDP())
		require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 1)))
		require.Equal(t, tt.want, d.Stats(), "result %d", tt.ret)
		require.Equal(t, []int{tt.up, tt.wire}, []int{d.Up().Len(), d.Wire().Len()}, "result %d", tt.ret)
		require.EqualValues(t, 1, l.Stats().Runs)
		require.NoError(t, l.Close())
		require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 1)))
		require.Equal(t, tt.want.Passed+1, d.Stats().Passed, "no program passes")
	}
}

func TestVerdictsOfTC(t *testing.T) {
	for _, tt := range []struct {
		ret                     int
		passed, dropped, stolen uint64
	}{{-1, 1, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 0}, {2, 0, 1, 0}, {3, 1, 0, 0}, {4, 0, 0, 1}, {5, 1, 0, 0}, {8, 0, 0, 1}, {99, 1, 0, 0}} {
		d := NewNetwork(0).AddDevice("eth0")
		attach(t, returns(t, "sched_cls", tt.ret), d.Ingress())
		require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 1)))
		s := d.Stats()
		require.Equal(t, []uint64{tt.passed, tt.dropped, tt.stolen}, []uint64{s.Passed, s.Dropped, s.Stolen}, "ingress, result %d", tt.ret)

		attach(t, returns(t, "sched_cls", tt.ret), d.Egress())
		require.NoError(t, d.Send(context.Background(), ping(everybody, 0x800, 1)))
		s = d.Stats()
		require.Equal(t, []uint64{tt.passed, 2 * tt.dropped, 2 * tt.stolen}, []uint64{s.Sent, s.Dropped, s.Stolen}, "egress, result %d", tt.ret)
	}
}

// TestChain: a program that does not decide leaves it to the next, which finds
// the marks that the first left; a program sees where and what the packet is.
func TestChain(t *testing.T) {
	n := NewNetwork(0)
	n.AddDevice("other")
	d := n.AddDevice("eth0")
	first := attach(t, text(t, `.type sched_cls
		r2 = 7
		*(u32 *)(r1 + 8) = r2
		r0 = -1
		exit`).Programs()[0], d.Ingress())
	second := attach(t, text(t, `.type sched_cls
		r0 = 2
		r2 = *(u32 *)(r1 + 8)
		if r2 != 7 goto out
		r2 = *(u32 *)(r1 + 40)
		if r2 != 2 goto out
		r2 = *(u32 *)(r1 + 16)
		if r2 != 0xdd86 goto out
		r2 = *(u32 *)(r1 + 4)
		if r2 != 0 goto out
		r2 = *(u32 *)(r1 + 0)
		if r2 != 18 goto out
		r0 = 0
	out:
		exit`).Programs()[0], d.Ingress())
	require.NoError(t, d.Receive(context.Background(), ping(d.Address(), 0x86dd, 1)))
	require.EqualValues(t, 1, d.Stats().Passed)
	require.NoError(t, first.Close())
	require.NoError(t, d.Receive(context.Background(), ping(d.Address(), 0x86dd, 1)))
	require.EqualValues(t, 1, d.Stats().Dropped, "without the mark of the first")
	require.EqualValues(t, 1, first.Stats().Runs)
	require.EqualValues(t, 2, second.Stats().Runs)
}

// redirecting redirects by a map, to element 1.
func redirecting(kind string, flags int) string {
	return fmt.Sprintf(`.type xdp
.map to %s key 4 value 4 entries 8
	r1 = map[to]
	r2 = 1
	r3 = %d
	call redirect_map
	exit`, kind, flags)
}

func u32s(x uint32) []byte { return binary.NativeEndian.AppendUint32(nil, x) }

func TestRedirectByMaps(t *testing.T) {
	for _, kind := range []string{"devmap", "devmap_hash"} {
		n := NewNetwork(0)
		a, b := n.AddDevice("a"), n.AddDevice("b")
		o := text(t, redirecting(kind, 1))
		l := attach(t, o.Programs()[0], a.XDP())
		require.NoError(t, a.Receive(context.Background(), ping(everybody, 0x800, 1)))
		require.EqualValues(t, 1, a.Stats().Dropped, "%s: no element: what the flags say", kind)
		require.NoError(t, o.Map("to").Update(u32s(1), u32s(b.Index()), 0))
		require.NoError(t, a.Receive(context.Background(), ping(everybody, 0x800, 5)))
		require.EqualValues(t, 1, a.Stats().Redirected)
		got, ok := b.Wire().TryNext()
		require.True(t, ok)
		require.Equal(t, ping(everybody, 0x800, 5), got)
		require.NoError(t, o.Map("to").Update(u32s(1), u32s(99), 0))
		require.NoError(t, a.Receive(context.Background(), ping(everybody, 0x800, 5)))
		require.EqualValues(t, 1, a.Stats().NoTarget, "device 99 does not exist")
		require.NoError(t, o.Map("to").Update(u32s(1), u32s(b.Index()), 0))
		b.SetUp(false)
		require.NoError(t, a.Receive(context.Background(), ping(everybody, 0x800, 5)))
		require.EqualValues(t, 1, b.Stats().NoTarget, "the device is down")
		require.EqualValues(t, 4, l.Stats().Runs)
	}
}

func TestRedirectToAll(t *testing.T) {
	n := NewNetwork(0)
	o := text(t, redirecting("devmap", toAll|notToIngress))
	var devices []*Device
	for i := range uint32(4) {
		d := n.AddDevice(fmt.Sprint("eth", i))
		devices = append(devices, d)
		require.NoError(t, o.Map("to").Update(u32s(i), u32s(d.Index()), 0))
	}
	attach(t, o.Programs()[0], devices[2].XDP())
	require.NoError(t, devices[2].Receive(context.Background(), ping(everybody, 0x800, 5)))
	for i, d := range devices {
		want := 1
		if i == 2 {
			want = 0
		}
		require.Equal(t, want, d.Wire().Len(), "device %d", i)
	}
	require.EqualValues(t, 3, devices[2].Stats().Redirected)
}

func TestRedirectToProcessorsAndSockets(t *testing.T) {
	n := NewNetwork(2)
	d := n.AddDevice("eth0")
	o := text(t, redirecting("cpumap", 0))
	require.NoError(t, o.Map("to").Update(u32s(1), u32s(192), 0))
	l := attach(t, o.Programs()[0], d.XDP())
	require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 5)))
	require.EqualValues(t, 1, d.Stats().Passed)
	require.NoError(t, l.Close())

	o = text(t, redirecting("xskmap", 2))
	attach(t, o.Programs()[0], d.XDP())
	require.NoError(t, o.Map("to").Update(u32s(1), u32s(0), 0))
	require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 6)))
	require.EqualValues(t, 1, d.Stats().NoTarget, "nobody opened the socket")
	q := n.Socket(0)
	for range 3 {
		require.NoError(t, d.Receive(context.Background(), ping(everybody, 0x800, 7)))
	}
	require.Equal(t, 2, q.Len())
	require.EqualValues(t, 1, q.Drops(), "a socket that nobody reads loses packets, and they are counted")
	require.EqualValues(t, 1, d.Stats().NoRoom)
	got, err := q.Next(context.Background())
	require.NoError(t, err)
	require.Equal(t, ping(everybody, 0x800, 7), got)
}

// TestRedirectByNumber: redirect by XDP and tc, into a device, to a peer, and
// with the link header of a neighbour; copies by clone_redirect.
func TestRedirectByNumber(t *testing.T) {
	packet := ping(everybody, 0x800, 0x45)
	packet = append(packet[:14:14], []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9}...)
	for _, tt := range []struct {
		name, text string
		want       string // which queues of devices 1 to 3 hold the packet: u(p), w(ire)
	}{
		{"xdp", ".type xdp\n r1 = 2\n r2 = 0\n call redirect\n exit", "w2"},
		{"egress", ".type sched_cls\n r1 = 2\n r2 = 0\n call redirect\n exit", "w2"},
		{"ingress", ".type sched_cls\n r1 = 2\n r2 = 1\n call redirect\n exit", "u2"},
		{"peer", ".type sched_cls\n r1 = 3\n r2 = 0\n call redirect_peer\n exit", "u4"},
		{"neighbour", ".type sched_cls\n r1 = 2\n r2 = 0\n r3 = 0\n r4 = 0\n call redirect_neigh\n exit", "n2"},
		{"nowhere", ".type sched_cls\n r1 = 9\n r2 = 0\n call redirect\n exit", ""},
		{"clone", ".type sched_cls\n r2 = 2\n r3 = 0\n call clone_redirect\n r0 = 0\n exit", "u1w2"},
	} {
		n := NewNetwork(0)
		var devices []*Device
		for i := range 4 {
			devices = append(devices, n.AddDevice(fmt.Sprint("eth", i)))
		}
		n.Connect(devices[2], devices[3])
		router := net.HardwareAddr{2, 2, 2, 2, 2, 2}
		require.NoError(t, n.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), devices[0], netip.Addr{}))
		require.NoError(t, n.AddRoute(netip.MustParsePrefix("192.0.2.0/24"), devices[1], netip.MustParseAddr("10.0.0.254")))
		require.NoError(t, n.AddNeighbour(netip.MustParseAddr("10.0.0.254"), router))
		p := text(t, tt.text).Programs()[0]
		if p.Spec().Type == ir.XDP {
			attach(t, p, devices[0].XDP())
		} else {
			attach(t, p, devices[0].Ingress())
		}
		require.NoError(t, devices[0].Receive(background, packet), tt.name)
		got := ""
		for i, d := range devices {
			if b, ok := d.Up().TryNext(); ok {
				require.Equal(t, packet, b)
				got += fmt.Sprint("u", i+1)
			}
			if b, ok := d.Wire().TryNext(); ok {
				kind := "w"
				if string(b[:6]) == string(router) && string(b[6:12]) == string(d.Address()) {
					kind = "n"
				} else {
					require.Equal(t, packet, b)
				}
				got += fmt.Sprint(kind, i+1)
			}
		}
		require.Equal(t, tt.want, got, tt.name)
		if tt.want == "" {
			require.EqualValues(t, 1, devices[0].Stats().NoTarget)
		}
	}
	n := NewNetwork(0)
	d := n.AddDevice("eth0")
	require.Error(t, n.AddRoute(netip.Prefix{}, d, netip.Addr{}))
	require.Error(t, n.AddRoute(netip.MustParsePrefix("::/0"), d, netip.MustParseAddr("10.0.0.1")))
	require.Error(t, n.AddNeighbour(netip.Addr{}, nil))
	require.Equal(t, helpers.RouteLocal, n.route(netip.MustParseAddr("10.0.0.1")).Result)
}

// TestWire: what one end sends the other receives; two programs that send
// everything back are stopped.
func TestWire(t *testing.T) {
	n := NewNetwork(0)
	a, b := n.AddDevice("a"), n.AddDevice("b")
	n.Connect(a, b)
	require.NoError(t, a.Send(context.Background(), ping(everybody, 0x800, 1)))
	require.Equal(t, 1, b.Up().Len())
	tx := returns(t, "xdp", 3)
	attach(t, tx, a.XDP())
	attach(t, tx, b.XDP())
	require.NoError(t, a.Send(context.Background(), ping(everybody, 0x800, 1)))
	require.EqualValues(t, 1, a.Stats().Loops+b.Stats().Loops)
	require.NoError(t, b.Remove())
	require.Nil(t, n.Device(b.Index()))
	_, err := tx.Attach(b.XDP())
	require.ErrorIs(t, err, ErrNoDevice)
	require.NoError(t, a.Send(context.Background(), ping(everybody, 0x800, 1)))
	require.Equal(t, 1, a.Wire().Len(), "its peer is gone")
}

func TestNetworkRefuses(t *testing.T) {
	d := NewNetwork(0).AddDevice("eth0")
	require.EqualError(t, d.Receive(context.Background(), make([]byte, 13)), `hooks: packet of 13 bytes to device "eth0": want 14 to 16777216`)
	_, err := returns(t, "sched_cls", 0).Attach(d.XDP())
	require.EqualError(t, err, `hooks: attach program "test" to device "eth0": programs of type sched_cls do not run there`)
	_, err = returns(t, "xdp", 0).Attach(d.Egress())
	require.ErrorContains(t, err, "do not run there")
	p := returns(t, "xdp", 2)
	attach(t, p, d.XDP())
	_, err = p.Attach(d.XDP())
	require.EqualError(t, err, `hooks: attach program "test" to device "eth0": an XDP program is attached`)

	bad := text(t, ".type sched_cls\n r0 = *(u8 *)(r10 + 8)\n exit\n").Programs()[0]
	l := attach(t, bad, d.Ingress())
	err = d.Receive(context.Background(), ping(everybody, 0x800, 1))
	require.ErrorContains(t, err, `hooks: packet on device "eth0": hooks: run program "test": vm: insn 0`)
	require.EqualValues(t, 1, d.Stats().Failed)
	require.Equal(t, runtime.Stats{Errors: 1, Nanos: l.Stats().Nanos}, l.Stats())
}

// TestManyReceivers: packets of many goroutines, while programs come and go.
func TestManyReceivers(t *testing.T) {
	n := NewNetwork(10000)
	a, b := n.AddDevice("a"), n.AddDevice("b")
	o := text(t, redirecting("devmap", 2))
	require.NoError(t, o.Map("to").Update(u32s(1), u32s(b.Index()), 0))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if err := a.Receive(context.Background(), ping(everybody, 0x800, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		l := attach(t, o.Programs()[0], a.XDP())
		require.NoError(t, l.Close())
	}
	wg.Wait()
	s := a.Stats()
	require.EqualValues(t, 2000, s.Received)
	require.Equal(t, s.Received, s.Passed+s.Redirected)
	require.Equal(t, s.Redirected, b.Stats().Sent)
}
