package corpus

import (
	"bytes"
	"encoding/binary"
)

// The packets that the classifier is tried on, one for every rule that its
// source states, put together header by header.

func be16(x uint16) []byte { return binary.BigEndian.AppendUint16(nil, x) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// eth is an Ethernet header, or with vlan tags in front of the protocol.
func eth(proto uint16, tags ...uint16) []byte {
	h := unhex("02000000000202000000000a")
	for _, tag := range tags {
		h = append(append(h, be16(tag)...), 0, 7)
	}
	return append(h, be16(proto)...)
}

// ipv4 is a header from 192.0.2.1 with options of the given length in words.
func ipv4(protocol byte, options int, fragment uint16) []byte {
	h := join([]byte{0x45 + byte(options), 0}, be16(uint16(20+4*options)), be16(1), be16(fragment), []byte{64, protocol}, be16(0),
		[]byte{192, 0, 2, 1}, []byte{198, 51, 100, 1})
	return append(h, make([]byte, 4*options)...)
}

// ipv6 is a header from 2001:db8::1.
func ipv6(next byte) []byte {
	return join([]byte{0x60, 0, 0, 0}, be16(0), []byte{next, 64},
		unhex("20010db8000000000000000000000001"), unhex("20010db8000000000000000000000002"))
}

func tcp(dport uint16, words byte) []byte {
	return join(be16(40000), be16(dport), make([]byte, 8), []byte{words << 4, 2}, make([]byte, 6))
}

func udp(dport uint16) []byte { return join(be16(40000), be16(dport), be16(8), be16(0)) }

const (
	aborted, drop, pass = 0, 1, 2
	dropPort            = 4444
)

// classifierRuns returns the packets with the classifier's verdicts.
func classifierRuns() []Run {
	cases := []struct {
		packet []byte
		ret    uint32
	}{
		{join(eth(0x0800), ipv4(6, 0, 0), tcp(80, 5)), pass},
		{join(eth(0x0800), ipv4(6, 0, 0), tcp(dropPort, 5)), drop},
		{join(eth(0x0800), ipv4(17, 3, 0), udp(dropPort)), drop},
		{join(eth(0x0800, 0x8100), ipv4(17, 0, 0), udp(53)), pass},
		{join(eth(0x86dd, 0x88a8, 0x8100), ipv6(6), tcp(dropPort, 5)), drop},
		{join(eth(0x86dd), ipv6(17), udp(53)), pass},
		{join(eth(0x86dd), ipv6(58), make([]byte, 8)), pass},
		{join(eth(0x86dd), ipv6(0), make([]byte, 8)), pass},           // extension header: other
		{join(eth(0x0800), ipv4(1, 0, 0), make([]byte, 8)), pass},     // ICMP
		{join(eth(0x0800), ipv4(17, 0, 0x00b9), udp(dropPort)), pass}, // later fragment: no ports
		{join(eth(0x0800), ipv4(17, 0, 0x2000), udp(dropPort)), drop}, // first fragment
		{join(eth(0x0806), make([]byte, 28)), pass},                   // ARP
		{eth(0x88cc), pass}, // LLDP: other
		{join(eth(0x0800), ipv4(6, 0, 0), tcp(80, 5))[:14+20+19], aborted},         // cut TCP
		{join(eth(0x0800), ipv4(6, 0, 0), tcp(80, 4)), aborted},                    // TCP offset below 5
		{join(eth(0x0800), ipv4(17, 3, 0), udp(53))[:14+20+11], aborted},           // cut options
		{join(eth(0x0800), []byte{0x44}, ipv4(17, 0, 0)[1:], udp(53)), aborted},    // length below 20
		{join(eth(0x0800), []byte{0x65}, ipv4(17, 0, 0)[1:], udp(53)), aborted},    // version 6 under IPv4's type
		{join(eth(0x86dd), ipv6(17), udp(53))[:14+39], aborted},                    // cut IPv6
		{join(eth(0x0800, 0x8100), ipv4(17, 0, 0), udp(53))[:16], aborted},         // cut tag
		{join(eth(0x0800, 0x8100, 0x8100, 0x8100), ipv4(17, 0, 0), udp(53)), pass}, // a third tag: other
	}
	runs := make([]Run, len(cases))
	for i, c := range cases {
		runs[i] = Run{Packet: c.packet, Ret: c.ret, Data: c.packet}
	}
	return runs
}

// classifierMaps returns what the classifier's maps hold after those runs,
// counted by hand from the list above.
func classifierMaps() []Elem {
	u64 := func(xs ...uint64) (b []byte) {
		for _, x := range xs {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
		return b
	}
	var elems []Elem
	// other, ARP, ICMP, TCP, UDP, ICMPv6, fragment, malformed
	for class, n := range []uint64{3, 1, 1, 3, 4, 1, 1, 7} {
		elems = append(elems, Elem{Map: "proto_packets", Key: []byte{byte(class), 0, 0, 0}, Value: u64(n)})
	}
	return append(elems,
		Elem{Map: "proto_bytes", Key: []byte{1, 0, 0, 0}, Value: u64(14 + 28)},
		Elem{Map: "sources", Key: unhex("00000000000000000000ffffc0000201"), Value: u64(7, 54+54+54+46+42+42+42)},
		Elem{Map: "sources", Key: unhex("20010db8000000000000000000000001"), Value: u64(4, 82+62+62+62)})
}
