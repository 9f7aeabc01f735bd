package hooks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime"
)

// Network is a simulated stack of network devices on which verdicts act. A
// packet that a device receives meets the device's XDP program, then its tc
// ingress programs, then goes up the stack; one that is sent meets the tc egress
// programs, then goes to the wire. Programs may drop it, send it back, or
// redirect it to another device, a processor or a socket. There are no protocols
// above: what goes up is for the application to read, as is what leaves by a
// device without a peer.
//
// It is safe for concurrent use. A packet is carried to all of its ends by the
// goroutine that brought it, so who brings packets too fast waits.
type Network struct {
	mu      sync.RWMutex
	devices map[uint32]*Device
	sockets map[uint32]*Queue
	routes  []route
	macs    map[netip.Addr][6]byte
	last    uint32 // device number given last
	room    int    // of each queue
}

// MaxHops is how many steps from device to device a packet and its copies make
// before the network takes it for one that runs in circles, and drops it.
const MaxHops = 1024

// defaultRoom is the length of a device's queues, that of a usual interface.
const defaultRoom = 1000

// ErrNoDevice says that there is no such device, or that it is down.
var ErrNoDevice = errors.New("no such device, or it is down")

// NewNetwork returns a network without devices. Its queues hold room packets
// each; 0 means 1000.
func NewNetwork(room int) *Network {
	if room <= 0 {
		room = defaultRoom
	}
	return &Network{devices: map[uint32]*Device{}, sockets: map[uint32]*Queue{}, macs: map[netip.Addr][6]byte{}, room: room}
}

// Device is a simulated network device.
type Device struct {
	net     *Network
	index   uint32
	name    string
	address net.HardwareAddr
	down    atomic.Bool
	peer    atomic.Pointer[Device]

	mu              sync.RWMutex
	xdp             *netLink
	ingress, egress []*netLink

	up, wire *Queue
	count    deviceCounters
}

// AddDevice adds a device, which is up. Devices are numbered from 1 on.
func (n *Network) AddDevice(name string) *Device {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	d := &Device{net: n, index: n.last, name: name, up: newQueue(n.room), wire: newQueue(n.room),
		address: net.HardwareAddr{2, 0, byte(n.last >> 24), byte(n.last >> 16), byte(n.last >> 8), byte(n.last)}}
	n.devices[d.index] = d
	return d
}

// Device returns the device of that number, nil if there is none.
func (n *Network) Device(index uint32) *Device {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.devices[index]
}

// Connect makes two devices the ends of one wire: what one sends the other
// receives.
func (n *Network) Connect(a, b *Device) {
	a.peer.Store(b)
	b.peer.Store(a)
}

// Socket returns the queue of the AF_XDP socket with a number, which elements of
// an xskmap name. It is made by the first call; packets that were redirected to
// it before are lost.
func (n *Network) Socket(number uint32) *Queue {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.sockets[number]
	if q == nil {
		q = newQueue(n.room)
		n.sockets[number] = q
	}
	return q
}

func (n *Network) socket(number uint32) *Queue {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.sockets[number]
}

// Index returns the device's number, Name its name, Address its MAC address,
// which is locally administered and made of the number.
func (d *Device) Index() uint32 { return d.index }

// Name returns the device's name.
func (d *Device) Name() string { return d.name }

// Address returns the device's MAC address. The caller must not change it.
func (d *Device) Address() net.HardwareAddr { return d.address }

// SetUp takes the device up or down. What comes to a device that is down, or is
// redirected to it, is dropped.
func (d *Device) SetUp(up bool) { d.down.Store(!up) }

// Remove takes the device out of the network, with its programs' links.
func (d *Device) Remove() error {
	d.net.mu.Lock()
	delete(d.net.devices, d.index)
	d.net.mu.Unlock()
	d.SetUp(false)
	if p := d.peer.Swap(nil); p != nil {
		p.peer.CompareAndSwap(d, nil)
	}
	d.mu.Lock()
	links := append(append([]*netLink{}, d.ingress...), d.egress...)
	if d.xdp != nil {
		links = append(links, d.xdp)
	}
	d.mu.Unlock()
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Up returns the queue of packets that went up the stack.
func (d *Device) Up() *Queue { return d.up }

// Wire returns the queue of packets that left by a device without a peer.
func (d *Device) Wire() *Queue { return d.wire }

// DeviceStats counts packets. A packet that is copied by a broadcast counts
// with each copy.
type DeviceStats struct {
	Received, ReceivedBytes uint64
	Sent, SentBytes         uint64 // to the peer or the wire
	Passed                  uint64 // that went up the stack
	Redirected              uint64 // that programs of this device sent elsewhere
	Aborted                 uint64 // dropped by XDP_ABORTED or a result without meaning
	Dropped                 uint64 // dropped by XDP_DROP or TC_ACT_SHOT
	Stolen                  uint64 // taken by TC_ACT_STOLEN or TC_ACT_TRAP
	Failed                  uint64 // whose program did not reach its exit, or cannot take them
	NoTarget                uint64 // redirected to nowhere, or to or by a device that is down
	NoRoom                  uint64 // that nobody read in time
	Loops                   uint64 // taken out after MaxHops
}

type deviceCounters struct {
	received, receivedBytes, sent, sentBytes, passed, redirected atomic.Uint64
	aborted, dropped, stolen, failed, noTarget, noRoom, loops    atomic.Uint64
}

// Stats returns what the device has counted.
func (d *Device) Stats() DeviceStats {
	c := &d.count
	return DeviceStats{Received: c.received.Load(), ReceivedBytes: c.receivedBytes.Load(), Sent: c.sent.Load(), SentBytes: c.sentBytes.Load(),
		Passed: c.passed.Load(), Redirected: c.redirected.Load(), Aborted: c.aborted.Load(), Dropped: c.dropped.Load(), Stolen: c.stolen.Load(),
		Failed: c.failed.Load(), NoTarget: c.noTarget.Load(), NoRoom: c.noRoom.Load(), Loops: c.loops.Load()}
}

// place is where on a device a program is attached.
type place uint8

const (
	placeXDP place = iota
	placeIngress
	placeEgress
)

// devicePlace is a place of a device as a hook.
type devicePlace struct {
	dev   *Device
	place place
}

// XDP returns the hook for one program of type xdp, which sees packets first.
func (d *Device) XDP() runtime.Hook { return devicePlace{d, placeXDP} }

// Ingress returns the hook for programs of type sched_cls or sched_act that see
// what XDP passed, in the direct-action mode. They run in the order in which
// they were attached, until one decides.
func (d *Device) Ingress() runtime.Hook { return devicePlace{d, placeIngress} }

// Egress returns the hook for programs that see what the device is to send, save
// for what XDP programs send.
func (d *Device) Egress() runtime.Hook { return devicePlace{d, placeEgress} }

// netLink is a program attached to a device.
type netLink struct{ *link }

// Attach attaches the program. A second one for XDP is an error.
func (h devicePlace) Attach(p *runtime.Program) (runtime.Link, error) {
	d := h.dev
	if t := p.Spec().Type; (h.place == placeXDP) != (t == ir.XDP) || h.place != placeXDP && t != ir.SchedCLS && t != ir.SchedACT {
		return nil, fmt.Errorf("hooks: attach program %q to device %q: programs of type %v do not run there", p.Name(), d.name, t)
	}
	if d.net.Device(d.index) != d {
		return nil, fmt.Errorf("hooks: attach program %q to device %q: %w", p.Name(), d.name, ErrNoDevice)
	}
	base, err := newLink(p, 0)
	if err != nil {
		return nil, err
	}
	l := &netLink{base}
	d.mu.Lock()
	defer d.mu.Unlock()
	list := h.list()
	if h.place == placeXDP && d.xdp != nil {
		return nil, errors.Join(fmt.Errorf("hooks: attach program %q to device %q: an XDP program is attached", p.Name(), d.name), l.Close())
	}
	if h.place == placeXDP {
		d.xdp = l
	} else {
		*list = append((*list)[:len(*list):len(*list)], l)
	}
	l.stop = func() { h.detach(l) }
	return l, nil
}

func (h devicePlace) list() *[]*netLink {
	if h.place == placeEgress {
		return &h.dev.egress
	}
	return &h.dev.ingress
}

func (h devicePlace) detach(l *netLink) {
	d := h.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.place == placeXDP {
		d.xdp = nil
		return
	}
	list := h.list()
	var rest []*netLink
	for _, x := range *list {
		if x != l {
			rest = append(rest, x)
		}
	}
	*list = rest
}
