package main

import (
	"encoding/binary"
	"net/netip"
)

// flow is what the program chooses a backend by.
type flow struct {
	protocol         byte
	from, to         netip.Addr
	source, dest     uint16
	fromRaw, toRaw   uint32 // as the program reads them
	sourceR, destRaw uint16
}

// parse reads the flow of a frame that the program looks at: TCP or UDP over
// IPv4, whole headers, no options, no fragment.
func parse(b []byte) (f flow, ok bool) {
	const tcp, udp = 6, 17
	if len(b) < 34 || binary.BigEndian.Uint16(b[12:]) != 0x0800 || b[14] != 0x45 || binary.BigEndian.Uint16(b[20:])&0x3fff != 0 {
		return f, false
	}
	f.protocol = b[23]
	if f.protocol == tcp && len(b) < 34+20 || f.protocol == udp && len(b) < 34+8 || f.protocol != tcp && f.protocol != udp {
		return f, false
	}
	f.from, f.to = netip.AddrFrom4([4]byte(b[26:30])), netip.AddrFrom4([4]byte(b[30:34]))
	f.source, f.dest = binary.BigEndian.Uint16(b[34:]), binary.BigEndian.Uint16(b[36:])
	f.fromRaw, f.toRaw = binary.NativeEndian.Uint32(b[26:]), binary.NativeEndian.Uint32(b[30:])
	f.sourceR, f.destRaw = binary.NativeEndian.Uint16(b[34:]), binary.NativeEndian.Uint16(b[36:])
	return f, true
}

// place returns the flow's place in its service's table.
func (f *flow) place() int {
	mix := func(h uint32) uint32 {
		h ^= h >> 16
		h *= 0x85ebca6b
		h ^= h >> 13
		h *= 0xc2b2ae35
		return h ^ h>>16
	}
	h := mix(f.fromRaw ^ mix(f.toRaw^mix(uint32(f.sourceR)<<16|uint32(f.destRaw))) ^ uint32(f.protocol))
	return int(h % places)
}
