package hooks

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// wire is a pair of interfaces in a network namespace of the test's own.
type wire struct {
	near, far string
	raw       *os.File // sends by far
}

// vethPair makes the pair on the test's thread, which is then in the namespace
// and ends with the test. Where that is not permitted the test is skipped.
func vethPair(t *testing.T) wire {
	t.Helper()
	tool, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("no ip(8) here to make a veth pair with: install iproute2")
	}
	goruntime.LockOSThread() // and never unlocked: the thread is not to be used again
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("a network namespace is not permitted here: %v", err)
	}
	w := wire{near: "bpfproof0", far: "bpfproof1"}
	for _, args := range [][]string{{"link", "add", w.near, "type", "veth", "peer", "name", w.far}, {"link", "set", w.near, "up"}, {"link", "set", w.far, "up"}} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Skipf("a veth pair is not permitted here: ip %v: %v: %s", args, err, out)
		}
	}
	for ready := false; !ready; time.Sleep(time.Millisecond) { // before, packets are dropped
		out, err := exec.Command(tool, "-o", "link", "show", "type", "veth").CombinedOutput()
		require.NoError(t, err, "%s", out)
		ready = strings.Count(string(out), "state UP") == 2 && !strings.Contains(string(out), "qdisc noop ")
	}
	live := Live{Interface: w.far, Outgoing: true}
	w.raw, _, err = live.open()
	require.NoError(t, err)
	t.Cleanup(func() { w.raw.Close() })
	return w
}

// ours is the type of the test's frames (local experimental, IEEE 802).
const ours = 0x88b5

// verdictOf is a program that returns the byte behind the header of a frame of
// ours, tagged or not, and passes others.
const verdictOf = `.type xdp
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r0 = 2
	r3 = r1
	r3 += 19
	if r3 > r2 goto out
	r4 = *(u16 *)(r1 + 12)
	if r4 == 0xb588 goto plain
	if r4 != 0x0081 goto out
	r4 = *(u16 *)(r1 + 16)
	if r4 != 0xb588 goto out
	r0 = *(u8 *)(r1 + 18)
	exit
plain:
	r0 = *(u8 *)(r1 + 14)
out:
	exit`

func frameOf(verdict byte, size int) []byte {
	return append(ping(everybody, ours, verdict), make([]byte, size)...)
}

func TestLive(t *testing.T) {
	w := vethPair(t)
	got := make(chan Packet, 100)
	h := &Live{Interface: w.near, Transmit: true, Promisc: true, Each: func(p Packet, ret uint64) {
		if ret != 2 { // the kernel's own packets pass
			p.Data = append([]byte{}, p.Data...)
			got <- p
		}
	}}
	l := attach(t, text(t, verdictOf).Programs()[0], h).(*LiveLink)
	ctx, cancel := context.WithCancel(background)
	type end struct {
		rep Report
		err error
	}
	ended := make(chan end)
	go func() { rep, err := l.Run(ctx); ended <- end{rep, err} }()

	tagged := append(append(append([]byte{}, everybody...), 2, 0, 0, 0, 9, 9), 0x81, 0, 0x60, 7, 0x88, 0xb5, 1, 0, 0, 0, 0)
	for i, data := range [][]byte{frameOf(1, 100), frameOf(3, 60), frameOf(0, 1400), tagged} {
		_, err := w.raw.Write(data)
		require.NoError(t, err)
		select {
		case p := <-got:
			require.Equal(t, data, p.Data, "packet %d", i)
			require.Equal(t, len(data), p.Whole)
		case <-time.After(10 * time.Second):
			t.Fatalf("packet %d did not arrive", i)
		}
	}
	require.Equal(t, frameOf(3, 60), w.next(t), "XDP_TX sends the packet back")
	cancel()
	e := <-ended
	require.NoError(t, e.err)
	require.Equal(t, []uint64{2, 1, 1}, []uint64{e.rep.Verdicts[1], e.rep.Verdicts[3], e.rep.Verdicts[0]})
	require.Equal(t, e.rep.Packets, l.Stats().Runs)
	sent, refused := l.Sent()
	require.Equal(t, []uint64{1, 0}, []uint64{sent, refused})
	require.NoError(t, l.Close())
	_, err := l.Run(background)
	require.ErrorIs(t, err, ErrDetached)
}

// next returns the next frame of ours that comes in at the far end.
func (w *wire) next(t *testing.T) []byte {
	t.Helper()
	buf := make([]byte, 2000)
	require.NoError(t, w.raw.SetReadDeadline(time.Now().Add(10*time.Second)))
	for {
		n, from := 0, unix.Sockaddr(nil)
		conn, err := w.raw.SyscallConn()
		require.NoError(t, err)
		var recv error
		require.NoError(t, conn.Read(func(fd uintptr) bool {
			n, from, recv = unix.Recvfrom(int(fd), buf, 0)
			return recv != unix.EAGAIN
		}))
		require.NoError(t, recv)
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING && binary.BigEndian.Uint16(buf[12:]) == ours {
			return buf[:n]
		}
	}
}

// TestLiveClosesItself: who sees a packet may end the link.
func TestLiveClosesItself(t *testing.T) {
	w := vethPair(t)
	var l *LiveLink
	l = attach(t, text(t, verdictOf).Programs()[0], &Live{Interface: w.near, Promisc: true, Each: func(Packet, uint64) { _ = l.Close() }}).(*LiveLink)
	_, err := w.raw.Write(frameOf(1, 10))
	require.NoError(t, err)
	rep, err := l.Run(background)
	require.ErrorIs(t, err, ErrDetached)
	require.EqualValues(t, 1, rep.Packets)
}

// TestLiveNobodyReads: what a full socket loses is counted.
func TestLiveNobodyReads(t *testing.T) {
	w := vethPair(t)
	l := attach(t, text(t, verdictOf).Programs()[0], &Live{Interface: w.near, Promisc: true, Buffer: 4096}).(*LiveLink)
	const sent = 300
	for range sent {
		_, err := w.raw.Write(frameOf(1, 1000))
		require.NoError(t, err)
	}
	var drops uint64
	require.Eventually(t, func() bool { drops = l.Stats().Drops; return drops > 0 }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(background, 100*time.Millisecond)
	defer cancel()
	rep, err := l.Run(ctx)
	require.NoError(t, err)
	require.GreaterOrEqual(t, rep.Packets+l.Stats().Drops, uint64(sent), "every packet was delivered or counted")
	require.Less(t, rep.Verdicts[1], uint64(sent))
}

// TestLiveVanishes: the interface goes away under a run, and while nobody runs.
func TestLiveVanishes(t *testing.T) {
	w := vethPair(t)
	l := attach(t, text(t, verdictOf).Programs()[0], &Live{Interface: w.near}).(*LiveLink)
	down := attach(t, text(t, verdictOf).Programs()[0], &Live{Interface: w.far}).(*LiveLink)
	ended := make(chan error)
	go func() { _, err := l.Run(background); ended <- err }()
	time.Sleep(10 * time.Millisecond)
	out, err := exec.Command("ip", "link", "del", w.near).CombinedOutput()
	require.NoError(t, err, "%s", out)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, ErrInterfaceGone)
		require.ErrorContains(t, err, `hooks: interface "bpfproof0": the interface is down or gone: network is down`)
	case <-time.After(10 * time.Second):
		t.Fatal("the run goes on without its interface")
	}
	_, err = down.Run(background)
	require.ErrorIs(t, err, ErrInterfaceGone)
	_, err = text(t, verdictOf).Programs()[0].Attach(&Live{Interface: w.near})
	var missing *net.OpError
	require.True(t, errors.As(err, &missing), "%v", err)
	require.ErrorContains(t, err, `hooks: attach program "test" to interface "bpfproof0"`)
}

func TestLiveRefuses(t *testing.T) {
	_, err := returns(t, "tracepoint", 0).Attach(&Live{Interface: "lo"})
	require.EqualError(t, err, `hooks: attach program "test" to interface "lo": type tracepoint takes no packets`)
}
