package helpers_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// lookups finds a TCP socket from 10.0.0.2:PORT (r7 of the packet's first byte)
// to 10.0.0.1:80, and returns its port, state and congestion window.
const lookups = `
	.type sched_cls
	r6 = r1
	r2 = *(u32 *)(r1 + 76)
	r3 = *(u32 *)(r1 + 80)
	r4 = r2
	r4 += 1
	if r4 > r3 goto out
	r7 = *(u8 *)(r2 + 0)
	*(u32 *)(r10 - 16) = 0x0200000a
	*(u32 *)(r10 - 12) = 0x0100000a
	*(u8 *)(r10 - 8) = 0
	*(u8 *)(r10 - 7) = r7
	*(u16 *)(r10 - 6) = 0x5000
	r1 = r6
	r2 = r10
	r2 += -16
	r3 = 12
	r4 = -1
	r5 = 0
	call sk_lookup_tcp
	if r0 == 0 goto out
	r8 = r0
	r9 = *(u32 *)(r8 + 44)
	r1 = *(u32 *)(r8 + 72)
	r9 <<= 8
	r9 |= r1
	r1 = r8
	call tcp_sock
	if r0 == 0 goto give
	r1 = *(u32 *)(r0 + 0)
	r9 <<= 16
	r9 |= r1
give:
	r1 = r8
	call sk_release
	r0 = r9
	exit
out:
	r0 = 0
	exit
`

func TestSockets(t *testing.T) {
	p, err := asm.Parse("p", lookups)
	require.NoError(t, err)
	end := netip.MustParseAddrPort
	table := helpers.NewSockets()
	defer table.Close()
	add := func(s helpers.SocketSpec) *helpers.Socket {
		sk, err := table.Add(s)
		require.NoError(t, err)
		return sk
	}
	connected := add(helpers.SocketSpec{Protocol: unix.IPPROTO_TCP, Local: end("10.0.0.1:80"), Remote: end("10.0.0.2:7"), SndCwnd: 33})
	add(helpers.SocketSpec{Protocol: unix.IPPROTO_UDP, Local: end("10.0.0.1:80")})
	run := func(e runtime.Engine, port byte) uint64 {
		s, err := e.(runtime.Opener).Open()
		require.NoError(t, err)
		defer s.Close()
		s.(interface{ Env() *helpers.Env }).Env().Sockets = table
		require.NoError(t, s.Frame().SetData(append([]byte{port}, make([]byte, 63)...)))
		ret, err := s.Run(t.Context(), 1<<20)
		require.NoError(t, err)
		return ret
	}
	both := engines(t, p)
	for name, e := range both {
		require.EqualValues(t, (80<<8|1)<<16|33, run(e, 7), name)
		require.Zero(t, run(e, 8), name)
	}
	add(helpers.SocketSpec{Protocol: unix.IPPROTO_TCP, Local: end("0.0.0.0:80"), SndCwnd: 10})
	for name, e := range both {
		require.EqualValues(t, (80<<8|10)<<16|10, run(e, 8), "%s: one that listens", name)
	}
	table.Remove(connected)
	for name, e := range both {
		require.EqualValues(t, (80<<8|10)<<16|10, run(e, 7), name)
	}
	for _, bad := range []helpers.SocketSpec{
		{Protocol: unix.IPPROTO_TCP, Local: end("0.0.0.0:80")},
		{Protocol: 1, Local: end("10.0.0.1:80")},
		{Protocol: unix.IPPROTO_TCP},
		{Protocol: unix.IPPROTO_TCP, Local: end("10.0.0.1:80"), Remote: end("[::1]:80")},
	} {
		_, err := table.Add(bad)
		require.Error(t, err, "%+v", bad)
	}
}
