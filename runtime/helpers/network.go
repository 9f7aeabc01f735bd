package helpers

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Network is what helpers ask of the simulated network.
type Network interface {
	// Device returns the device of that number; ok is false if there is none.
	Device(index uint32) (d Device, ok bool)
	// Route looks for the way of a packet that the device received.
	Route(index uint32, to netip.Addr) Route
	// Send takes a packet, which is the network's from then on.
	Send(to Redirect, packet []byte)
}

// Device is a simulated network device.
type Device struct {
	MTU     int // bytes behind the link header
	Header  int // bytes of the link header
	Address [6]byte
	Forward bool // packets that it receives may be sent on
}

// Route is the answer to a query for a packet's way.
type Route struct {
	Result  RouteResult
	Device  uint32     // that the packet leaves by
	Gateway netip.Addr // next router; not valid: the destination itself
	Source  netip.Addr // address to send from; not valid: none
	Metric  uint32
	MTU     int
	Next    [6]byte // link address of the next router or the destination
}

// RouteResult is what fib_lookup returns (BPF_FIB_LKUP_RET_*).
type RouteResult uint8

// The results that a network gives; fib_lookup itself adds those about
// forwarding and about the packet's length.
const (
	RouteFound       RouteResult = 0
	RouteBlackhole   RouteResult = 1
	RouteUnreachable RouteResult = 2
	RouteProhibited  RouteResult = 3
	RouteLocal       RouteResult = 4 // none, or to the machine itself
	RouteNoForward   RouteResult = 5
	RouteNoNeighbour RouteResult = 7 // the other fields but Next are valid
	routeTooLong     RouteResult = 8
	routeNoSource    RouteResult = 9
)

// Without a network there is the loopback device, as in a test run of the kernel.
const (
	loopbackIndex = 1
	loopbackMTU   = 65536
)

func (e *Env) device(index uint32) (Device, bool) {
	if e.Network != nil {
		return e.Network.Device(index)
	}
	return Device{MTU: loopbackMTU, Header: ethernet}, index == loopbackIndex
}

// Results and flags of check_mtu.
const (
	mtuFits     = 0
	mtuTooLong  = 1
	mtuSegments = 1 << 0
)

// checkMTU compares the packet's length, or one that the program gives at
// args[2], with what a device takes, and leaves the device's MTU there.
func checkMTU(e *Env, args [5]uint64) (uint64, error) {
	out, err := e.Memory.Write(args[2], 4)
	if err != nil {
		return 0, err
	}
	given, delta, flags := binary.NativeEndian.Uint32(out), int32(args[3]), args[4]
	skb := e.Packet != nil && e.Packet.Buffer() != nil
	if flags != 0 && (!skb || flags != mtuSegments || delta != 0 || given != 0) {
		return errno(unix.EINVAL), nil
	}
	index := uint32(args[1])
	if index == 0 {
		index = max(e.Device, loopbackIndex)
	}
	d, ok := e.device(index)
	if !ok {
		return errno(unix.ENODEV), nil
	}
	n := int32(given) + int32(d.Header)
	if given == 0 && e.Packet != nil {
		n = int32(size(e.Packet))
	}
	binary.NativeEndian.PutUint32(out, uint32(d.MTU))
	if n+delta > int32(d.MTU+d.Header) {
		return mtuTooLong, nil
	}
	return mtuFits, nil
}

// Flags of fib_lookup, and the places of struct bpf_fib_lookup that it uses.
const (
	fibSkipNeigh = 1 << 2
	fibSource    = 1 << 4
	fibFlags     = 1<<6 - 1

	fibBytes  = 64
	fibLength = 6
	fibDevice = 8
	fibMetric = 12
	fibSrc    = 16
	fibDst    = 32
	fibVLAN   = 48
	fibOwn    = 52 // link address of the device
	fibNext   = 58
)

// fibLookup asks the network for the way of a packet that is described at
// args[1], and leaves the answer there.
func fibLookup(e *Env, args [5]uint64) (uint64, error) {
	if n := int32(args[2]); n < fibBytes {
		return errno(unix.EINVAL), nil
	}
	if uint32(args[3])&^fibFlags != 0 {
		return errno(unix.EINVAL), nil
	}
	q, err := e.Memory.Write(args[1], fibBytes)
	if err != nil {
		return 0, err
	}
	var to netip.Addr
	switch q[0] {
	case unix.AF_INET:
		to = netip.AddrFrom4([4]byte(q[fibDst:]))
	case unix.AF_INET6:
		to = netip.AddrFrom16([16]byte(q[fibDst:]))
	default:
		return errno(unix.EAFNOSUPPORT), nil
	}
	return e.route(q, to, uint32(args[3]))
}

func (e *Env) route(q []byte, to netip.Addr, flags uint32) (uint64, error) {
	index := binary.NativeEndian.Uint32(q[fibDevice:])
	d, ok := e.device(index)
	switch {
	case !ok:
		return errno(unix.ENODEV), nil
	case !d.Forward:
		return uint64(RouteNoForward), nil
	}
	r := e.Network.Route(index, to)
	if r.Result != RouteFound && r.Result != RouteNoNeighbour {
		return uint64(r.Result), nil
	}
	if n := int(binary.NativeEndian.Uint16(q[fibLength:])); n > r.MTU {
		binary.NativeEndian.PutUint16(q[fibLength:], uint16(r.MTU))
		return uint64(routeTooLong), nil
	}
	binary.NativeEndian.PutUint32(q[fibMetric:], r.Metric)
	binary.NativeEndian.PutUint32(q[fibDevice:], r.Device)
	if flags&fibSource != 0 {
		if !r.Source.IsValid() {
			return uint64(routeNoSource), nil
		}
		copy(q[fibSrc:], r.Source.AsSlice())
	}
	if r.Gateway.IsValid() {
		q[0] = unix.AF_INET
		if r.Gateway.Is6() {
			q[0] = unix.AF_INET6
		}
		copy(q[fibDst:], r.Gateway.AsSlice())
	}
	if flags&fibSkipNeigh == 0 {
		if r.Result == RouteNoNeighbour {
			return uint64(RouteNoNeighbour), nil
		}
		out, _ := e.device(r.Device)
		copy(q[fibOwn:], out.Address[:])
		copy(q[fibNext:], r.Next[:])
	}
	clear(q[fibVLAN:fibOwn])
	binary.NativeEndian.PutUint16(q[fibLength:], uint16(r.MTU))
	return uint64(RouteFound), nil
}
