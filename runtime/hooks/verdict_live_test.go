package hooks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	kernellink "github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// outcome is where a packet went: up the stack, back, or neither.
type outcome string

const (
	wentUp   outcome = "up"
	wentBack outcome = "back"
	vanished outcome = "gone"
)

// kernelProgram loads a program that returns a number into the live kernel, or
// skips the test.
func kernelProgram(t *testing.T, kind ebpf.ProgramType, ret int) *ebpf.Program {
	t.Helper()
	_ = rlimit.RemoveMemlock() // older kernels only
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: kind, License: "GPL", Instructions: asm.Instructions{
		asm.LoadImm(asm.R0, int64(ret), asm.DWord), asm.Return()}})
	if errors.Is(err, os.ErrPermission) {
		t.Skipf("bpf() is not permitted here: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// reader is a packet socket that sees what goes up the stack, behind tc: one
// that is bound to a protocol.
func reader(t *testing.T, name string) *os.File {
	t.Helper()
	h := Live{Interface: name}
	f, index, err := h.open()
	require.NoError(t, err)
	conn, err := f.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, conn.Control(func(fd uintptr) {
		err = unix.Bind(int(fd), &unix.SockaddrLinklayer{Protocol: ours>>8 | ours&0xff<<8, Ifindex: index})
	}))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// outcome says what the kernel did with a frame. The kernel may handle it only
// after the program was detached, so that what is not expected is looked at
// again.
func (w *wire) outcome(t *testing.T, want outcome, up, back *os.File, attach, detach func()) (got outcome) {
	t.Helper()
	for range 5 {
		if got = w.try(t, up, back, attach, detach); got == want {
			break
		}
	}
	return got
}

// try sends a frame with mark 2, and when nothing is attached any more one with
// mark 3, which goes up behind it.
func (w *wire) try(t *testing.T, up, back *os.File, attach, detach func()) outcome {
	t.Helper()
	send := func(mark byte) {
		_, err := w.raw.Write(frameOf(mark, 46))
		require.NoError(t, err)
	}
	attach()
	send(2)
	time.Sleep(2 * time.Millisecond) // it is handled by another thread of the kernel
	detach()
	send(3)
	where := vanished
	for { // the last one goes up
		b := nextOf(t, up)
		if b[14] == 3 {
			break
		}
		where = wentUp
	}
	require.NoError(t, back.SetReadDeadline(time.Now().Add(time.Millisecond)))
	for {
		b, err := receiveOf(back)
		if err != nil {
			return where
		}
		if b[14] == 2 {
			where = wentBack
		}
	}
}

func receiveOf(f *os.File) ([]byte, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 2000)
	n, recv := 0, error(nil)
	err = conn.Read(func(fd uintptr) bool {
		n, _, recv = unix.Recvfrom(int(fd), buf, 0)
		return recv != unix.EAGAIN
	})
	if err = errors.Join(err, recv); err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func nextOf(t *testing.T, f *os.File) []byte {
	t.Helper()
	require.NoError(t, f.SetReadDeadline(time.Now().Add(10*time.Second)))
	b, err := receiveOf(f)
	require.NoError(t, err)
	return b
}

// simulated says what a simulated device does.
func simulated(t *testing.T, kind string, rets ...int) outcome {
	t.Helper()
	d := NewNetwork(0).AddDevice("eth0")
	for _, ret := range rets {
		p := returns(t, kind, ret)
		if kind == "xdp" {
			attach(t, p, d.XDP())
		} else {
			attach(t, p, d.Ingress())
		}
	}
	require.NoError(t, d.Receive(background, frameOf(2, 46)))
	switch {
	case d.Up().Len() == 1:
		return wentUp
	case d.Wire().Len() == 1:
		return wentBack
	}
	return vanished
}

// TestVerdictsOfTheKernel: for every result, alone and before a program that
// drops, a packet ends where the live kernel lets it end.
func TestVerdictsOfTheKernel(t *testing.T) {
	w := vethPair(t)
	up, back := reader(t, w.near), reader(t, w.far)
	near := interfaceIndex(t, w.near)
	for _, ret := range []int{0, 1, 2, 3, 5, 99} {
		p := kernelProgram(t, ebpf.XDP, ret)
		var l kernellink.Link
		want := simulated(t, "xdp", ret)
		got := w.outcome(t, want, up, back, func() {
			var err error
			l, err = kernellink.AttachXDP(kernellink.XDPOptions{Program: p, Interface: near, Flags: kernellink.XDPGenericMode})
			require.NoError(t, err)
		}, func() { require.NoError(t, l.Close()) })
		require.Equal(t, got, want, "XDP result %d: expected is what the kernel does", ret)
	}

	tool, err := exec.LookPath("tc")
	if err != nil {
		t.Skip("no tc(8) here to attach classifiers with: install iproute2")
	}
	tc := func(args ...string) {
		out, err := exec.Command(tool, args...).CombinedOutput()
		require.NoError(t, err, "tc %v: %s", args, out)
	}
	dir, err := os.MkdirTemp("/sys/fs/bpf", "bpfproof-test-")
	if err != nil {
		t.Skipf("no place to pin programs for tc(8): %v", err)
	}
	defer os.RemoveAll(dir)
	const shot = 2
	for _, rets := range [][]int{{-1}, {0}, {1}, {2}, {3}, {4}, {5}, {6}, {8}, {9}, {99}, {-1, shot}, {0, shot}, {1, shot}, {3, shot}, {5, shot}, {6, shot}, {99, shot}} {
		want := simulated(t, "sched_cls", rets...)
		got := w.outcome(t, want, up, back, func() {
			tc("qdisc", "add", "dev", w.near, "clsact")
			for i, ret := range rets {
				path := filepath.Join(dir, fmt.Sprint(i))
				p := kernelProgram(t, ebpf.SchedCLS, ret)
				require.NoError(t, p.Pin(path))
				tc("filter", "add", "dev", w.near, "ingress", "pref", fmt.Sprint(i+1), "bpf", "direct-action", "pinned", path)
				require.NoError(t, p.Unpin())
			}
		}, func() { tc("qdisc", "del", "dev", w.near, "clsact") })
		require.Equal(t, got, want, "tc results %v: expected is what the kernel does", rets)
	}
}

func interfaceIndex(t *testing.T, name string) int {
	t.Helper()
	h := Live{Interface: name}
	f, index, err := h.open()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return index
}
