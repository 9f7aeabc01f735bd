// Package traffic makes packet captures for demos, tests and benchmarks: mixed
// traffic, the same bytes every time.
//
// It knows packets and the pcap format, and nothing of programs. Captures are
// not stored in the tree; whoever needs one makes it.
//
// Invariants: the packets are a function of Options alone; every packet has at
// least an Ethernet header and at most MaxPacket bytes, so that test runs of
// the kernel take it; well-formed packets carry right lengths and checksums.
//
//	packets := traffic.Generate(traffic.Options{Packets: 10000, BlockedPort: 4444})
//	err := traffic.Write(f, packets)
//
// Sources: RFC 791, 8200, 9293, 768, 792, 4443, 826 and IEEE 802.1Q for the
// formats; the pcap file format as gopacket writes it.
package traffic

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// MaxPacket is the greatest packet made, in bytes: a full Ethernet frame with
// two VLAN tags, without checksum.
const MaxPacket = 1514 + 8

// Options choose the traffic. Zero fields mean the defaults.
type Options struct {
	Packets     int    // number of packets, default 12000
	Seed        uint64 // default 1
	BlockedPort uint16 // destination port of the unwanted packets, default 4444
	Sources4    int    // IPv4 sources, default 300, at most 65536
	Sources6    int    // IPv6 sources, default 120, at most 65536
}

// Packet is one packet as it was on the wire.
type Packet struct {
	Time time.Time
	Kind string // what it was made as, such as "tcp4" or "truncated"
	Data []byte
}

// Generate returns the packets that the options describe.
func Generate(o Options) []Packet {
	g := newGenerator(o)
	packets := make([]Packet, 0, g.Packets)
	now := time.Unix(1767225600, 0).UTC()
	for range g.Packets {
		k := g.kind()
		now = now.Add(time.Duration(1+g.rng.IntN(2000)) * time.Microsecond)
		packets = append(packets, Packet{Time: now, Kind: k.name, Data: k.make(g)})
	}
	return packets
}

// Write writes the packets as a little-endian pcap file of Ethernet frames
// with times in microseconds.
func Write(w io.Writer, packets []Packet) error {
	out := pcapgo.NewWriter(w)
	if err := out.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		return fmt.Errorf("traffic: write header: %w", err)
	}
	for i, p := range packets {
		ci := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Data), Length: len(p.Data)}
		if err := out.WritePacket(ci, p.Data); err != nil {
			return fmt.Errorf("traffic: write packet %d: %w", i+1, err)
		}
	}
	return nil
}

type generator struct {
	Options
	rng   *rand.Rand
	total int
}

func newGenerator(o Options) *generator {
	def := func(x *int, d int) {
		if *x == 0 {
			*x = d
		}
	}
	def(&o.Packets, 12000)
	def(&o.Sources4, 300)
	def(&o.Sources6, 120)
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.BlockedPort == 0 {
		o.BlockedPort = 4444
	}
	g := &generator{Options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x7261666669636b))}
	for _, k := range kinds {
		g.total += k.weight
	}
	return g
}

func (g *generator) kind() *kind {
	n := g.rng.IntN(g.total)
	for i := range kinds {
		if n -= kinds[i].weight; n < 0 {
			return &kinds[i]
		}
	}
	return &kinds[0]
}
