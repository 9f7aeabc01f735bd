package hooks_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/ir/asm"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/vm"
)

// switching sends a message where its first byte says: to its own socket (0), to
// be dropped (1), or to the socket at the index of its second byte, to be sent
// (2) or read (3). Sent ones are cut to four bytes.
const switching = `
	.type sk_skb
	.map peers KIND key 4 value 8 entries 4
	r6 = r1
	r2 = *(u32 *)(r1 + 76)
	r3 = *(u32 *)(r1 + 80)
	r4 = r2
	r4 += 2
	if r4 > r3 goto drop
	r7 = *(u8 *)(r2 + 0)
	r8 = *(u8 *)(r2 + 1)
	*(u32 *)(r10 - 4) = r8
	if r7 == 0 goto pass
	if r7 == 1 goto drop
	r9 = 0
	if r7 == 2 goto send
	r9 = 1
send:
	r1 = r6
	r2 = map[peers]
	r3 = ARG
	r4 = r9
	call sk_redirect_WHERE
	exit
pass:
	r0 = 1
	exit
drop:
	r0 = 0
	exit
`

func TestStream(t *testing.T) {
	for _, kind := range []string{"sockmap", "sockhash"} {
		t.Run(kind, func(t *testing.T) { testStream(t, kind) })
	}
}

func testStream(t *testing.T, kind string) {
	text := switching
	for old, with := range map[string]string{"sockmap": "map", "sockhash": "hash"} {
		if kind == old {
			text = replaceAll(text, "KIND", kind, "WHERE", with)
		}
	}
	arg := "r8"
	if kind == "sockhash" {
		arg = "r10\n\tr3 += -4"
	}
	p, err := asm.Parse("switching", replaceAll(text, "ARG", arg))
	require.NoError(t, err)
	obj, err := runtime.Load(t.Context(), []*ir.Program{p}, runtime.Options{Loader: vm.Loader(vm.Options{}), Unverified: true})
	require.NoError(t, err)
	defer obj.Close()

	table := helpers.NewSockets()
	defer table.Close()
	var sks []*helpers.Socket
	for port := range uint16(3) {
		sk, err := table.Add(helpers.SocketSpec{Protocol: unix.IPPROTO_TCP, Local: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), 80+port)})
		require.NoError(t, err)
		sks = append(sks, sk)
	}
	peers := obj.Maps()[0]
	for i, sk := range sks {
		require.NoError(t, peers.Update([]byte{byte(i), 0, 0, 0}, binary.NativeEndian.AppendUint64(nil, sk.Addr()), 0))
	}
	stream := hooks.NewStream(table, hooks.StreamOptions{Room: 2})
	l, err := stream.Attach(obj.Programs()[0])
	require.NoError(t, err)
	link := l.(*hooks.StreamLink)
	send := func(b ...byte) { require.NoError(t, link.Deliver(t.Context(), sks[0], b)) }
	next := func(q *hooks.Queue) []byte {
		b, ok := q.TryNext()
		require.True(t, ok)
		require.Zero(t, q.Len())
		return b
	}
	send(0, 0, 5)
	require.Equal(t, []byte{0, 0, 5}, next(stream.Read(sks[0])))
	send(1, 0, 5)
	send(2, 1, 6)
	require.Equal(t, []byte{2, 1, 6}, next(stream.Sent(sks[1])))
	send(3, 2, 7)
	require.Equal(t, []byte{3, 2, 7}, next(stream.Read(sks[2])))
	send(3, 3, 8) // no socket there
	require.EqualValues(t, 2, l.Stats().Drops)
	require.EqualValues(t, 5, l.Stats().Runs)

	require.NoError(t, peers.Delete([]byte{2, 0, 0, 0}))
	require.Error(t, peers.Delete([]byte{2, 0, 0, 0}))
	send(3, 2, 7)
	for range 3 {
		send(0, 0)
	}
	require.EqualValues(t, 1, stream.Read(sks[0]).Drops(), "nobody reads")
	require.EqualValues(t, 4, l.Stats().Drops)
	require.NoError(t, l.Close())
	require.ErrorIs(t, link.Deliver(t.Context(), sks[0], []byte{0, 0}), hooks.ErrDetached)
}

func replaceAll(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }
