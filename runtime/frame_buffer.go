package runtime

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// bufferHeadroom is how many bytes may be put before a packet that programs see
// as a socket buffer. The kernel makes more room when this is used up; here the
// helper that asks for it gets -ENOMEM.
const bufferHeadroom = 8192

// buffer is a frame's packet as a socket buffer: what helpers know of it that
// is not in the context.
type buffer struct {
	*Frame
	marks  helpers.Marks
	stream bool // it is part of a stream, and has no headers

	// Offsets in the context, -1 where the program's type does not see the field.
	protocol, kind, device, family int
	local4, remote4                int
	local6, remote6                [4]int
}

var _ helpers.Buffer = (*buffer)(nil)

func newBuffer(f *Frame) *buffer {
	at := func(name string, i int) int {
		for _, x := range f.layout.Fields {
			if x.Name == name {
				if i == 0 {
					return x.Off
				}
				i--
			}
		}
		return -1
	}
	b := &buffer{Frame: f, protocol: at("protocol", 0), kind: at("pkt_type", 0), device: at("ifindex", 0), family: at("family", 0),
		local4: at("local_ip4", 0), remote4: at("remote_ip4", 0)}
	for i := range 4 {
		b.local6[i], b.remote6[i] = at("local_ip6", i), at("remote_ip6", i)
	}
	return b
}

// Marks gives the state, which is as at the start of a run after each packet.
func (b *buffer) Marks() *helpers.Marks { return &b.marks }

// reset sets the marks and the fields of the context that follow from a new
// packet, as a test run of the kernel sets them: its device is the loopback.
func (b *buffer) reset() {
	if b.stream {
		b.marks = helpers.Marks{}
		return
	}
	b.marks = helpers.Marks{Network: ethHeader - b.hidden, Link: -b.hidden}
	if b.device >= 0 && mem.Load32(b.ctx.Addr()+uint64(b.device)) == 0 {
		b.put(b.device, loopback)
	}
	frame := mem.View(b.first(), int(b.end-b.first()))
	if len(frame) < ethHeader {
		return
	}
	protocol, kind := etherType(frame)
	b.put(b.protocol, uint32(protocol))
	b.put(b.kind, kind)
	b.endpoints(protocol, frame[ethHeader:])
}

// put sets a field of the context, if the program sees it.
func (b *buffer) put(off int, x uint32) {
	if off >= 0 {
		mem.Store32(b.ctx.Addr()+uint64(off), uint64(x))
	}
}

// etherType returns the protocol in network order and the type of a packet from
// its link header (eth_type_trans in net/ethernet/eth.c of Linux 6.18): who has
// no address but zeros takes what goes to zeros.
func etherType(frame []byte) (protocol uint16, kind uint32) {
	const host, multicast, other = 0, 2, 3
	kind = host
	switch {
	case frame[0]&1 != 0:
		kind = multicast
	case [6]byte(frame) != [6]byte{}:
		kind = other
	}
	return helpers.EtherType(frame[12:14], frame[ethHeader:]), kind
}

// endpoints shows the addresses of an IP packet as those of its socket, which
// sends it.
func (b *buffer) endpoints(protocol uint16, packet []byte) {
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(packet[at:]) }
	switch {
	case protocol == helpers.ProtocolIPv4 && len(packet) >= 20:
		b.put(b.family, unix.AF_INET)
		b.put(b.local4, word(12))
		b.put(b.remote4, word(16))
	case protocol == helpers.ProtocolIPv6 && len(packet) >= 40:
		b.put(b.family, unix.AF_INET6)
		for i := range 4 {
			b.put(b.local6[i], word(8+4*i))
			b.put(b.remote6[i], word(24+4*i))
		}
	}
}

// Insert puts n zero bytes at offset off of the packet. What is before them
// moves into the headroom; false if that has not so many bytes.
func (b *buffer) Insert(off, n int) bool {
	if uint64(n) > b.start-b.data.Addr() {
		return false
	}
	start := b.start - uint64(n)
	off = min(off, int(b.end-b.start))
	copy(mem.View(start, off), mem.View(b.start, off))
	clear(mem.View(start+uint64(off), n))
	b.moveTo(start)
	return true
}

// Remove takes n bytes at offset off out of the packet, which has them.
func (b *buffer) Remove(off, n int) {
	copy(mem.View(b.start+uint64(n), off), mem.View(b.start, off))
	b.moveTo(b.start + uint64(n))
}

func (b *buffer) moveTo(start uint64) {
	b.start, b.meta = start, start
	b.point()
}

// Resize cuts the packet, or adds zeros, to n bytes; false if there is no room.
func (b *buffer) Resize(n int) bool {
	end := b.start + uint64(n)
	if end > b.first()+uint64(b.room) {
		return false
	}
	if end > b.end {
		clear(mem.View(b.end, int(end-b.end)))
	}
	b.end = end
	b.point()
	return true
}

// Context returns where the context lies, and its layout.
func (b *buffer) Context() (addr uint64, layout *abi.Context) { return b.Frame.Context() }
