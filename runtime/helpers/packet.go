package helpers

import (
	"encoding/binary"
	"fmt"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Packet is the packet of a run, which helpers look at and the bounds of which
// they move. Results are 0 or a negative errno; delta is in bytes.
type Packet interface {
	// Bounds returns the address of the first byte and the one behind the last.
	Bounds() (start, end uint64)
	// AdjustHead moves the packet's start, later if delta > 0.
	AdjustHead(delta int32) int64
	// AdjustTail moves the packet's end, later if delta > 0.
	AdjustTail(delta int32) int64
	// AdjustMeta moves the start of the metadata before the packet.
	AdjustMeta(delta int32) int64
	// Buffer returns the packet as a socket buffer; nil where programs see none.
	Buffer() Buffer
}

// Buffer is a packet as a socket buffer, all of it linear.
type Buffer interface {
	Bounds() (start, end uint64)
	// Insert puts n zero bytes at offset off; what is before them moves. It
	// reports false where there is no room.
	Insert(off, n int) bool
	// Remove takes n bytes at offset off out of the packet, which has them.
	Remove(off, n int)
	// Resize cuts the packet, or adds zeros, to n bytes; false: no room.
	Resize(n int) bool
	// Marks returns what is known of the buffer that the program does not see.
	Marks() *Marks
	// Context returns the address and the layout of the program's __sk_buff.
	Context() (addr uint64, layout *abi.Context)
}

// Marks is the part of struct sk_buff that helpers need and contexts do not
// show. The zero value, with the headers' places, is a new packet.
type Marks struct {
	Link, Network int     // offsets in bytes of the headers from the packet's start
	LinkBytes     int     // of the link header when a helper last looked; 0: none did
	Transport     int     // where the transport header begins, 0 where nobody knows
	Encapsulated  bool    // an outer header was added
	Checked       int     // 0: checksums unknown; n: those of n layers were found right
	Hashed        bool    // the context's hash is of this packet
	Tunnel        *Tunnel // that it came by, or is to leave by; nil: none
}

// Protocols of a link header (if_ether.h) as a context holds them: in the order
// of the network.
var (
	ProtocolIPv4  = network16(0x0800)
	ProtocolIPv6  = network16(0x86dd)
	protocolVLAN  = network16(0x8100)
	protocolVLAN2 = network16(0x88a8)
	protocol8023  = network16(0x0001)
	protocol8022  = network16(0x0004)
)

// network16 is htons.
func network16(x uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, x))
}

// host16 is ntohs.
func host16(x uint16) uint16 { return network16(x) }

// leastType is the least number in a link header that is a protocol and not a
// length (ETH_P_802_3_MIN).
const leastType = 0x0600

// EtherType returns the protocol, in the order of the network, that two bytes of
// a link header stand for; what follows tells the two formats of frames with a
// length apart (eth_type_trans in net/ethernet/eth.c of Linux 6.18).
func EtherType(field, behind []byte) uint16 {
	switch {
	case binary.BigEndian.Uint16(field) >= leastType:
		return binary.NativeEndian.Uint16(field)
	case len(behind) >= 2 && behind[0] == 0xff && behind[1] == 0xff:
		return protocol8023
	}
	return protocol8022
}

func tagged(protocol uint16) bool { return protocol == protocolVLAN || protocol == protocolVLAN2 }

// buffer returns the run's socket buffer.
func (e *Env) buffer(helper string) (Buffer, error) {
	if e.Packet != nil {
		if b := e.Packet.Buffer(); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("helpers: %s: the run has no socket buffer", helper)
}

// bytesOf returns n bytes at an offset of the packet; ok is false where it has
// not so many.
func bytesOf(p interface{ Bounds() (start, end uint64) }, off, n uint64) (b []byte, ok bool) {
	start, end := p.Bounds()
	if size := end - start; off > size || n > size-off {
		return nil, false
	}
	return mem.View(start+off, int(n)), true
}

// size returns the packet's length in bytes.
func size(p interface{ Bounds() (start, end uint64) }) uint64 {
	start, end := p.Bounds()
	return end - start
}

// field returns the place of a field of the context; 0 where the program does
// not see it.
func field(b Buffer, name string) uint64 {
	addr, layout := b.Context()
	for i := range layout.Fields {
		if f := &layout.Fields[i]; f.Name == name {
			return addr + uint64(f.Off)
		}
	}
	return 0
}

// get returns a field of 32 bits, 0 where the program does not see it.
func get(b Buffer, name string) uint32 {
	if at := field(b, name); at != 0 {
		return uint32(mem.Load32(at))
	}
	return 0
}

// set writes a field of 32 bits, if the program sees it.
func set(b Buffer, name string, x uint32) {
	if at := field(b, name); at != 0 {
		mem.Store32(at, uint64(x))
	}
}

func protocol(b Buffer) uint16 { return uint16(get(b, "protocol")) }

func absolute(x int32) uint32 { return uint32(max(x, -x)) }

// adjust calls a method of the run's packet.
func adjust(e *Env, what string, args [5]uint64, f func(Packet, int32) int64) (uint64, error) {
	if e.Packet == nil {
		return 0, fmt.Errorf("helpers: %s: the run has no packet", what)
	}
	return uint64(f(e.Packet, int32(args[1]))), nil
}
