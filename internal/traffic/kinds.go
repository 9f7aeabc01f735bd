package traffic

import (
	"encoding/binary"
	"net"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// kind is one sort of packet and how often it is made.
type kind struct {
	name   string
	weight int
	make   func(g *generator) []byte
}

// kinds is all that is made; weights add up to about 1000.
var kinds = slices.Concat(plain, odd)

// plain packets are well-formed and of usual layers.
var plain = []kind{
	{"tcp4", 300, func(g *generator) []byte { return g.ip4(nil, g.tcp(g.port())) }},
	{"udp4", 200, func(g *generator) []byte { return g.ip4(nil, g.udp(g.port())) }},
	{"icmp4", 50, func(g *generator) []byte { return g.ip4(nil, g.icmp4()) }},
	{"tcp6", 100, func(g *generator) []byte { return g.ip6(nil, g.tcp(g.port())) }},
	{"udp6", 80, func(g *generator) []byte { return g.ip6(nil, g.udp(g.port())) }},
	{"icmp6", 40, func(g *generator) []byte { return g.ip6(nil, g.icmp6()) }},
	{"arp", 30, (*generator).arp},
	{"blocked-tcp4", 30, func(g *generator) []byte { return g.ip4(nil, g.tcp(g.BlockedPort)) }},
	{"blocked-udp6", 20, func(g *generator) []byte { return g.ip6(nil, g.udp(g.BlockedPort)) }},
	{"vlan-tcp4", 25, func(g *generator) []byte { return g.ip4(g.tags(1), g.tcp(g.port())) }},
	{"vlan-blocked-udp4", 5, func(g *generator) []byte { return g.ip4(g.tags(1), g.udp(g.BlockedPort)) }},
	{"qinq-tcp6", 10, func(g *generator) []byte { return g.ip6(g.tags(2), g.tcp(g.port())) }},
}

// odd packets test a parser: rare layers, or wrong.
var odd = []kind{
	{"options4", 25, (*generator).options4},
	{"fragment4", 20, (*generator).fragment4},
	{"extension6", 15, (*generator).extension6},
	{"fragment6", 10, (*generator).fragment6},
	{"ethertype", 10, (*generator).ethertype},
	{"truncated", 20, (*generator).truncated},
	{"headers-only", 5, (*generator).headersOnly},
	{"bad-lengths", 10, (*generator).badLengths},
}

// transport is what an IP header announces and carries.
type transport struct {
	proto  layers.IPProtocol
	layers []gopacket.SerializableLayer
	link   func(ip gopacket.NetworkLayer) // ties the checksum to the addresses; may be nil
}

func (g *generator) bytes(n int) gopacket.Payload {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.rng.Uint32())
	}
	return b
}

// payload is mostly short, at times as long as a frame can be.
func (g *generator) payload() gopacket.Payload {
	if g.rng.IntN(6) == 0 {
		return g.bytes(g.rng.IntN(1400))
	}
	return g.bytes(g.rng.IntN(80))
}

// port is any but the blocked one.
func (g *generator) port() uint16 {
	common := []uint16{22, 53, 80, 123, 443, 8080, 8443}
	p := common[g.rng.IntN(len(common))]
	if g.rng.IntN(3) == 0 {
		p = uint16(1024 + g.rng.IntN(64000))
	}
	if p == g.BlockedPort {
		p++
	}
	return p
}

func (g *generator) tcp(port uint16) transport {
	t := &layers.TCP{SrcPort: layers.TCPPort(1024 + g.rng.IntN(64000)), DstPort: layers.TCPPort(port),
		Seq: g.rng.Uint32(), Ack: g.rng.Uint32(), ACK: true, PSH: g.rng.IntN(2) == 0, Window: uint16(g.rng.Uint32())}
	if g.rng.IntN(10) == 0 {
		t.ACK, t.SYN = false, true
		t.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	}
	return transport{layers.IPProtocolTCP, []gopacket.SerializableLayer{t, g.payload()},
		func(ip gopacket.NetworkLayer) { _ = t.SetNetworkLayerForChecksum(ip) }}
}

func (g *generator) udp(port uint16) transport {
	u := &layers.UDP{SrcPort: layers.UDPPort(1024 + g.rng.IntN(64000)), DstPort: layers.UDPPort(port)}
	return transport{layers.IPProtocolUDP, []gopacket.SerializableLayer{u, g.payload()},
		func(ip gopacket.NetworkLayer) { _ = u.SetNetworkLayerForChecksum(ip) }}
}

func (g *generator) icmp4() transport {
	c := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: uint16(g.rng.Uint32()), Seq: uint16(g.rng.Uint32())}
	return transport{layers.IPProtocolICMPv4, []gopacket.SerializableLayer{c, g.payload()}, nil}
}

func (g *generator) icmp6() transport {
	c := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	e := &layers.ICMPv6Echo{Identifier: uint16(g.rng.Uint32()), SeqNumber: uint16(g.rng.Uint32())}
	return transport{layers.IPProtocolICMPv6, []gopacket.SerializableLayer{c, e, g.payload()},
		func(ip gopacket.NetworkLayer) { _ = c.SetNetworkLayerForChecksum(ip) }}
}

// pick favours low numbers: a few sources send most of the traffic.
func (g *generator) pick(n int) int { return min(g.rng.IntN(n), g.rng.IntN(n)) }

func (g *generator) source4() net.IP {
	n := g.pick(g.Sources4)
	return net.IP{10, 1, byte(n >> 8), byte(n)}
}

func (g *generator) source6() net.IP {
	ip := net.IP{0x20, 0x01, 0x0d, 0xb8, 15: 0}
	binary.BigEndian.PutUint16(ip[14:], uint16(g.pick(g.Sources6)))
	return ip
}

var (
	target4 = net.IP{192, 0, 2, 1}
	target6 = net.IP{0x20, 0x01, 0x0d, 0xb8, 0xff, 15: 1}
)

// tags returns the IDs of VLAN tags, the outer one first.
func (g *generator) tags(n int) []uint16 {
	ids := make([]uint16, n)
	for i := range ids {
		ids[i] = uint16(1 + g.rng.IntN(4094))
	}
	return ids
}

// ethernet returns the frame's header and its VLAN tags, in one slice. Two
// tags are 802.1ad and 802.1Q.
func (g *generator) ethernet(tags []uint16, t layers.EthernetType) []gopacket.SerializableLayer {
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(g.rng.IntN(40))}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 1, 1}, EthernetType: t}
	all := []gopacket.SerializableLayer{eth}
	next := &eth.EthernetType
	for i, id := range tags {
		*next = layers.EthernetTypeDot1Q
		if i == 0 && len(tags) == 2 {
			*next = layers.EthernetTypeQinQ
		}
		tag := &layers.Dot1Q{VLANIdentifier: id, Type: t}
		all, next = append(all, tag), &tag.Type
	}
	return all
}

func (g *generator) ip4(tags []uint16, t transport) []byte {
	return g.ip4With(tags, t, func(*layers.IPv4) {})
}

func (g *generator) ip4With(tags []uint16, t transport, change func(*layers.IPv4)) []byte {
	ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Id: uint16(g.rng.Uint32()), Protocol: t.proto, SrcIP: g.source4(), DstIP: target4}
	change(ip)
	if t.link != nil {
		t.link(ip)
	}
	return serialize(append(append(g.ethernet(tags, layers.EthernetTypeIPv4), ip), t.layers...))
}

func (g *generator) ip6(tags []uint16, t transport) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: t.proto, SrcIP: g.source6(), DstIP: target6}
	if t.link != nil {
		t.link(ip)
	}
	return serialize(append(append(g.ethernet(tags, layers.EthernetTypeIPv6), ip), t.layers...))
}

// serialize writes layers with right lengths and checksums, the frame's own
// first. It does not pad short frames: captures at a sender hold them like
// this. The layers made here always serialize: addresses and payloads have the
// sizes they must have.
func serialize(all []gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all[1:]...)
	size := ethernetBytes + len(b.Bytes())
	if err == nil {
		err = all[0].SerializeTo(b, gopacket.SerializeOptions{})
	}
	if err != nil {
		panic("traffic: serialize packet: " + err.Error())
	}
	return b.Bytes()[:size] // the frame's header comes with padding
}
