package traffic

import (
	"encoding/binary"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

const ethernetBytes = 14

func (g *generator) arp() []byte {
	a := &layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: uint16(1 + g.rng.IntN(2)), SourceHwAddress: []byte{2, 0, 0, 0, 0, 1}, SourceProtAddress: g.source4(),
		DstHwAddress: make([]byte, 6), DstProtAddress: target4}
	return serialize(append(g.ethernet(nil, layers.EthernetTypeARP), a))
}

// options4 has an IP header longer than 20 bytes, at times the longest.
func (g *generator) options4() []byte {
	n := 1 + g.rng.IntN(9)
	option := layers.IPv4Option{OptionType: 7, OptionLength: uint8(4*n + 3), OptionData: make([]byte, 4*n+1)} // record route
	return g.ip4With(nil, g.tcp(g.port()), func(ip *layers.IPv4) { ip.Options = []layers.IPv4Option{option, {OptionType: 0, OptionLength: 1}} })
}

// fragment4 is a first fragment, with ports, or a later one, without.
func (g *generator) fragment4() []byte {
	if g.rng.IntN(2) == 0 {
		return g.ip4With(nil, g.udp(g.port()), func(ip *layers.IPv4) { ip.Flags = layers.IPv4MoreFragments })
	}
	rest := transport{proto: layers.IPProtocolUDP, layers: []gopacket.SerializableLayer{g.payload()}}
	return g.ip4With(nil, rest, func(ip *layers.IPv4) { ip.FragOffset = uint16(1 + g.rng.IntN(8000)) })
}

// extension6 carries a transport header behind a destination options header.
func (g *generator) extension6() []byte {
	t := g.udp(g.port())
	header := g.bytes(8)
	header[0], header[1] = byte(t.proto), 0
	header[2], header[3], header[4], header[5], header[6], header[7] = 1, 4, 0, 0, 0, 0 // PadN
	t.layers = append([]gopacket.SerializableLayer{header}, t.layers...)
	t.proto = layers.IPProtocolIPv6Destination
	return g.ip6(nil, t)
}

func (g *generator) fragment6() []byte {
	header := g.bytes(8)
	header[0], header[1] = byte(layers.IPProtocolTCP), 0
	binary.BigEndian.PutUint16(header[2:], uint16(g.rng.IntN(8000))<<3|uint16(g.rng.IntN(2)))
	return g.ip6(nil, transport{proto: layers.IPProtocolIPv6Fragment, layers: []gopacket.SerializableLayer{header, g.payload()}})
}

// ethertype is a frame of a protocol that hardly any program knows.
func (g *generator) ethertype() []byte {
	types := []layers.EthernetType{0x88cc, 0x8847, 0x88e5, 0x9000, layers.EthernetType(46)}
	return serialize(append(g.ethernet(nil, types[g.rng.IntN(len(types))]), g.payload()))
}

// truncated is cut anywhere behind the Ethernet header.
func (g *generator) truncated() []byte {
	whole := plain[g.rng.IntN(len(plain))].make(g)
	return whole[:ethernetBytes+g.rng.IntN(min(len(whole)-ethernetBytes, 60))]
}

// headersOnly ends exactly where its headers do.
func (g *generator) headersOnly() []byte {
	t := g.tcp(g.port())
	t.layers = t.layers[:1]
	if g.rng.IntN(2) == 0 {
		return g.ip6(nil, t)
	}
	return g.ip4(nil, t)
}

// badLengths lies about a header's length or version.
func (g *generator) badLengths() []byte {
	b := g.ip4(nil, g.tcp(g.port()))
	switch g.rng.IntN(4) {
	case 0:
		b[ethernetBytes] = 0x40 | byte(g.rng.IntN(5)) // header shorter than 20 bytes
	case 1:
		b[ethernetBytes] = byte(g.rng.IntN(16))<<4 | 5 // any version
	case 2:
		b[ethernetBytes+20+12] = byte(g.rng.IntN(5)) << 4 // TCP header shorter than 20 bytes
	default:
		b[ethernetBytes] = 0x4f // header longer than the packet may be
		b = b[:min(len(b), ethernetBytes+40)]
	}
	return b
}
