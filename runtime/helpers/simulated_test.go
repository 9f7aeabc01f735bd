package helpers

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// named calls a helper by its name.
func named(t *testing.T, e *Env, name string, args ...uint64) int64 {
	t.Helper()
	h, ok := abi.LookupHelperName(name)
	require.True(t, ok, name)
	return must(t, e, h.ID, args...)
}

func TestTask(t *testing.T) {
	e := NewEnv(nil)
	e.Memory = make(flat, 32)
	e.Cgroup, e.Class = 30, 7
	e.Task = Task{PID: 5, TGID: 4, UID: 1000, GID: 100, Comm: "a program's thread", Node: 1, Ancestors: []uint64{1, 20},
		NamespaceDev: 3, NamespaceIno: 9, NamespacePID: 2, NamespaceTID: 6, NetCookie: 11, SocketCookie: 12, SocketUID: 13, AttachCookie: 14, Retval: -1}
	for name, want := range map[string]int64{
		"get_current_pid_tgid": 4<<32 | 5, "get_current_uid_gid": 100<<32 | 1000, "get_numa_node_id": 1, "get_current_cgroup_id": 30,
		"get_netns_cookie": 11, "get_socket_cookie": 12, "get_socket_uid": 13, "get_attach_cookie": 14, "get_retval": -1,
		"get_cgroup_classid": 7, "skb_cgroup_classid": 7, "skb_cgroup_id": 30, "get_route_realm": 0,
	} {
		require.Equal(t, want, named(t, e, name), name)
	}
	for level, want := range []int64{1, 20, 30, 0} {
		require.Equal(t, want, named(t, e, "get_current_ancestor_cgroup_id", uint64(level)))
		require.Equal(t, want, named(t, e, "skb_ancestor_cgroup_id", 0, uint64(level)))
	}
	require.EqualValues(t, 0, named(t, e, "get_current_ancestor_cgroup_id", 1<<64-1))
	require.EqualValues(t, 0, named(t, e, "set_retval", 1<<32|5))
	require.EqualValues(t, 5, named(t, e, "get_retval"))

	require.EqualValues(t, 0, named(t, e, "get_current_comm", 0x1000, 20))
	require.Equal(t, "a program's thr\x00\x00\x00\x00\x00", string(e.Memory.(flat)[:20]), "15 bytes and zeros")
	require.EqualValues(t, 0, named(t, e, "get_current_comm", 0x1000, 4))
	require.Equal(t, "a p\x00", string(e.Memory.(flat)[:4]))

	require.EqualValues(t, 0, named(t, e, "get_ns_current_pid_tgid", 3, 9, 0x1000, 8))
	require.Equal(t, []byte{6, 0, 0, 0, 2, 0, 0, 0}, []byte(e.Memory.(flat)[:8]))
	for _, args := range [][]uint64{{3, 8, 0x1000, 8}, {2, 9, 0x1000, 8}, {3, 9, 0x1000, 4}, {1<<32 | 3, 9, 0x1000, 8}} {
		require.Equal(t, -int64(unix.EINVAL), named(t, e, "get_ns_current_pid_tgid", args...), "%v", args)
		require.Zero(t, e.Memory.(flat)[0])
	}
}

func TestUnderCgroup(t *testing.T) {
	m := newMap(t, ir.MapSpec{Name: "c", Type: ir.CgroupArray, KeySize: 4, ValueSize: 4, MaxEntries: 4})
	e := NewEnv([]maps.Map{m})
	e.Proved, e.Memory = true, host{}
	e.Cgroup, e.Task.Ancestors = 30, []uint64{0, 20}
	for i, id := range []byte{30, 0, 99} {
		require.NoError(t, m.Update([]byte{byte(i), 0, 0, 0}, []byte{id, 0, 0, 0}, 0))
	}
	for i, want := range []int64{1, 1, 0, -int64(unix.EAGAIN), -int64(unix.E2BIG)} {
		require.Equal(t, want, named(t, e, "current_task_under_cgroup", m.Handle(), uint64(i)), i)
		require.Equal(t, want, named(t, e, "skb_under_cgroup", 0, m.Handle(), uint64(i)), i)
	}
	require.NoError(t, m.Delete([]byte{0, 0, 0, 0}))
	require.Equal(t, -int64(unix.EAGAIN), named(t, e, "current_task_under_cgroup", m.Handle(), 0))
	require.ErrorIs(t, m.Update([]byte{0, 0, 0, 0}, []byte{1, 0, 0, 0}, 1), maps.ErrInvalid)
}

// host is all of the process's memory.
type host struct{}

func (host) Read(addr uint64, n int) ([]byte, error)  { return mem.View(addr, n), nil }
func (host) Write(addr uint64, n int) ([]byte, error) { return mem.View(addr, n), nil }

func TestSockOpt(t *testing.T) {
	e := NewEnv(nil)
	e.Memory = flat{64, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	level, mark, keepIdle := uint64(unix.SOL_SOCKET), uint64(unix.SO_MARK), uint64(unix.TCP_KEEPIDLE)
	require.EqualValues(t, 0, named(t, e, "setsockopt", 0, level, mark, 0x1000, 4))
	require.EqualValues(t, 0, named(t, e, "getsockopt", 0, level, mark, 0x1004, 4))
	require.EqualValues(t, 64, e.Memory.(flat)[4])
	require.Equal(t, -int64(unix.ENOPROTOOPT), named(t, e, "setsockopt", 0, level, 9999, 0x1000, 4))
	require.Equal(t, -int64(unix.EINVAL), named(t, e, "setsockopt", 0, level, mark, 0x1000, 8))
	e.Memory = flat{0, 0, 0, 0}
	require.Equal(t, -int64(unix.EINVAL), named(t, e, "setsockopt", 0, uint64(unix.SOL_TCP), keepIdle, 0x1000, 4), "out of bounds")
}

func TestSysctl(t *testing.T) {
	e := NewEnv(nil)
	e.Sysctl = Sysctl{Name: "net/ipv4/tcp_mem", Current: []byte("10 20"), New: []byte("30")}
	read := func(name string, n int, args ...uint64) (int64, string) {
		e.Memory = make(flat, 32)
		ret := named(t, e, name, append([]uint64{0, 0x1000, uint64(n)}, args...)...)
		return ret, string(e.Memory.(flat)[:n])
	}
	ret, text := read("sysctl_get_name", 20, 0)
	require.EqualValues(t, 16, ret)
	require.Equal(t, "net/ipv4/tcp_mem\x00\x00\x00\x00", text)
	ret, text = read("sysctl_get_name", 8, 1)
	require.EqualValues(t, 7, ret)
	require.Equal(t, "tcp_mem\x00", text)
	ret, text = read("sysctl_get_current_value", 4)
	require.Equal(t, -int64(unix.E2BIG), ret)
	require.Equal(t, "10 \x00", text)
	ret, _ = read("sysctl_get_new_value", 4)
	require.EqualValues(t, 2, ret)
	e.Memory = flat("777")
	require.EqualValues(t, 0, named(t, e, "sysctl_set_new_value", 0, 0x1000, 3))
	require.Equal(t, "777", string(e.Sysctl.New))
	require.True(t, e.Sysctl.Changed)
	e.Sysctl.New = nil
	require.Equal(t, -int64(unix.EINVAL), named(t, e, "sysctl_set_new_value", 0, 0x1000, 3), "a read")
	ret, _ = read("sysctl_get_new_value", 4)
	require.Equal(t, -int64(unix.EINVAL), ret)
}

// town is a network of two devices and one way.
type town struct{ sent []Redirect }

func (*town) Device(index uint32) (Device, bool) {
	return Device{MTU: 1500, Header: 14, Address: [6]byte{2, 0, 0, 0, 0, byte(index)}, Forward: index == 1}, index == 1 || index == 2
}

func (*town) Route(_ uint32, to netip.Addr) Route {
	switch to {
	case netip.MustParseAddr("10.0.0.1"):
		return Route{Device: 2, Gateway: netip.MustParseAddr("10.9.9.9"), Source: netip.MustParseAddr("10.9.9.1"), Metric: 5, MTU: 1400, Next: [6]byte{6, 5, 4, 3, 2, 1}}
	case netip.MustParseAddr("10.0.0.2"):
		return Route{Result: RouteNoNeighbour, Device: 2, MTU: 1400}
	}
	return Route{Result: RouteUnreachable}
}

func (n *town) Send(to Redirect, _ []byte) { n.sent = append(n.sent, to) }

func TestFibLookup(t *testing.T) {
	e := NewEnv(nil)
	e.Network = &town{}
	ask := func(to string, index uint32, length uint16, flags uint64) (int64, []byte) {
		q := make(flat, fibBytes)
		q[0] = unix.AF_INET
		binary.NativeEndian.PutUint32(q[fibDevice:], index)
		binary.NativeEndian.PutUint16(q[fibLength:], length)
		copy(q[fibDst:], netip.MustParseAddr(to).AsSlice())
		e.Memory = q
		return named(t, e, "fib_lookup", 0, 0x1000, fibBytes, flags), q
	}
	ret, q := ask("10.0.0.1", 1, 100, fibSource)
	require.EqualValues(t, RouteFound, ret)
	require.EqualValues(t, 2, binary.NativeEndian.Uint32(q[fibDevice:]))
	require.EqualValues(t, 5, binary.NativeEndian.Uint32(q[fibMetric:]))
	require.EqualValues(t, 1400, binary.NativeEndian.Uint16(q[fibLength:]))
	require.Equal(t, []byte{10, 9, 9, 9}, q[fibDst:fibDst+4])
	require.Equal(t, []byte{10, 9, 9, 1}, q[fibSrc:fibSrc+4])
	require.Equal(t, []byte{2, 0, 0, 0, 0, 2, 6, 5, 4, 3, 2, 1}, q[fibOwn:])
	for _, c := range []struct {
		to     string
		index  uint32
		length uint16
		flags  uint64
		want   int64
	}{
		{"10.0.0.1", 2, 0, 0, int64(RouteNoForward)}, {"10.0.0.1", 3, 0, 0, -int64(unix.ENODEV)}, {"10.0.0.1", 1, 1401, 0, int64(routeTooLong)},
		{"10.0.0.2", 1, 0, 0, int64(RouteNoNeighbour)}, {"10.0.0.2", 1, 0, fibSkipNeigh, 0}, {"10.0.0.2", 1, 0, fibSource, int64(routeNoSource)},
		{"10.0.0.3", 1, 0, 0, int64(RouteUnreachable)}, {"10.0.0.1", 1, 0, 1 << 6, -int64(unix.EINVAL)},
	} {
		ret, _ := ask(c.to, c.index, c.length, c.flags)
		require.Equal(t, c.want, ret, "%+v", c)
	}
	require.Equal(t, -int64(unix.EINVAL), named(t, e, "fib_lookup", 0, 0x1000, fibBytes-1, 0))
	e.Memory.(flat)[0] = 99
	require.Equal(t, -int64(unix.EAFNOSUPPORT), named(t, e, "fib_lookup", 0, 0x1000, fibBytes, 0))
}
