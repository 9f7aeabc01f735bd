// Command balancer is an example of an application of bpfproof: a load balancer
// for TCP and UDP over IPv4. An XDP program on one device of a simulated network
// sends what comes for a service to one of the service's backends, each behind a
// device of its own; connections stay where they are when backends change.
//
// The application fills the tables that the program, bpf/balancer.c, chooses by,
// and replays a capture as the traffic.
//
// Invariant: packets go where the model in model.go says, with right checksums,
// which a test checks packet by packet.
//
//	balancer --service 192.0.2.1:443/tcp --backends 10.9.0.1,10.9.0.2,10.9.0.3 --pcap traffic.pcap
//
// Sources: Eisenbud et al., "Maglev" (NSDI 2016); RFC 1624.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"

	"github.com/bpfproof/bpfproof/pipeline"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/hooks"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

//go:embed bpf/balancer.o
var object []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "balancer:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("balancer", flag.ContinueOnError)
	services := f.String("service", "192.0.2.1:443/tcp", "services, with commas between them")
	backends := f.String("backends", "10.9.0.1,10.9.0.2,10.9.0.3", "addresses of the backends of every service")
	pcap := f.String("pcap", "", "capture that is the traffic")
	if err := f.Parse(args); err != nil {
		return err
	}
	b, err := newBalancer(ctx)
	if err != nil {
		return err
	}
	defer b.object.Close()
	for i, text := range strings.Split(*backends, ",") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return err
		}
		if err := b.addBackend(i, addr); err != nil {
			return err
		}
	}
	for i, text := range strings.Split(*services, ",") {
		s, err := parseService(text)
		if err != nil {
			return err
		}
		if err := b.setService(i, s, b.names()); err != nil {
			return err
		}
	}
	if err := b.replay(ctx, *pcap, nil); err != nil {
		return err
	}
	return b.print(out)
}

// service is where packets come for.
type service struct {
	at       netip.AddrPort
	protocol byte
}

func parseService(text string) (s service, err error) {
	at, protocol, _ := strings.Cut(text, "/")
	if s.at, err = netip.ParseAddrPort(at); err != nil {
		return s, err
	}
	numbers := map[string]byte{"tcp": 6, "udp": 17}
	if s.protocol = numbers[protocol]; s.protocol == 0 || !s.at.Addr().Is4() {
		return s, fmt.Errorf("service %q: want an IPv4 address, a port, and tcp or udp", text)
	}
	return s, nil
}

// backend is a server and the device that it is behind.
type backend struct {
	addr netip.Addr
	mac  net.HardwareAddr
	dev  *hooks.Device
}

// balancer is the loaded program, and the network that it is in.
type balancer struct {
	object   *runtime.Object
	net      *hooks.Network
	front    *hooks.Device
	backends []backend
}

// room is how many packets a device holds until they are read.
const room = 1 << 17

func newBalancer(ctx context.Context) (*balancer, error) {
	b := &balancer{net: hooks.NewNetwork(room)}
	var err error
	if b.object, err = pipeline.LoadObject(ctx, "balancer.o", bytes.NewReader(object), pipeline.Options{}); err != nil {
		return nil, err
	}
	b.front = b.net.AddDevice("front")
	if _, err = b.object.Program("balance").Attach(b.front.XDP()); err != nil {
		return nil, errors.Join(err, b.object.Close())
	}
	return b, nil
}

// put sets an element of a map.
func put[K, V any](b *balancer, name string, key K, value V) error {
	m, err := maps.Of[K, V](b.object.Map(name))
	if err != nil {
		return err
	}
	return m.Update(key, value, 0)
}

// addBackend makes a backend, with a device of its own, and gives it a number.
func (b *balancer) addBackend(i int, addr netip.Addr) error {
	if !addr.Is4() {
		return fmt.Errorf("backend %v: want an IPv4 address", addr)
	}
	dev := b.net.AddDevice(fmt.Sprint("back", i))
	mac := net.HardwareAddr{2, 0xb, 0, 0, byte(i >> 8), byte(i)}
	b.backends = append(b.backends, backend{addr, mac, dev})
	value := struct {
		Addr     [4]byte
		Device   uint32
		MAC, Own [6]byte
	}{addr.As4(), uint32(i), [6]byte(mac), [6]byte(dev.Address())}
	return errors.Join(put(b, "backends", uint32(i), value), put(b, "devices", uint32(i), dev.Index()))
}

// names returns all backends, for a table of all of them.
func (b *balancer) names() []string {
	var list []string
	for _, x := range b.backends {
		list = append(list, x.addr.String())
	}
	return list
}

// setService gives a service its number, and its places to the backends of
// those names: "" for one that gets none. Connections whose backend stays keep
// it.
func (b *balancer) setService(i int, s service, names []string) error {
	var in []string
	var numbers []int
	for n, name := range names {
		if name != "" {
			in, numbers = append(in, name), append(numbers, n)
		}
	}
	for place, at := range maglev(in) {
		chosen := uint32(0)
		if at >= 0 {
			chosen = uint32(numbers[at]) + 1
		}
		if err := put(b, "places", uint32(i*places+place), chosen); err != nil {
			return err
		}
	}
	key := struct {
		Addr           [4]byte
		Port           [2]byte
		Protocol, Zero byte
	}{Addr: s.at.Addr().As4(), Protocol: s.protocol}
	binary.BigEndian.PutUint16(key.Port[:], s.at.Port())
	return put(b, "services", key, uint32(i))
}

// replay brings the packets of a capture to the front device. each, if not nil,
// is called behind each packet.
func (b *balancer) replay(ctx context.Context, path string, each func(hooks.Packet)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := hooks.NewReader(path, f, false)
	if err != nil {
		return err
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = b.front.Receive(ctx, p.Data)
		}
		if err != nil {
			return err
		}
		if each != nil {
			each(p)
		}
	}
}

func (b *balancer) print(out io.Writer) error {
	s := b.front.Stats()
	fmt.Fprintf(out, "%d packets: %d to backends, %d passed, %d dropped\n", s.Received, s.Redirected, s.Passed, s.Dropped+s.Aborted+s.NoTarget)
	traffic, err := maps.Of[uint32, struct{ Packets, Bytes uint64 }](b.object.Map("traffic"))
	if err != nil {
		return err
	}
	for i, x := range b.backends {
		n, err := traffic.Lookup(uint32(i))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-16v %8d packets %10d bytes\n", x.addr, n.Packets, n.Bytes)
	}
	return nil
}
