package hooks

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/bpfproof/bpfproof/runtime/helpers"
)

// deviceMTU is how many bytes behind the link header a device takes.
const deviceMTU = 1500

// route says where packets to a range of addresses go.
type route struct {
	to      netip.Prefix
	dev     uint32
	gateway netip.Addr // not valid: none, the station itself is on the wire
}

// AddRoute says that packets to the addresses leave by a device, to a router
// where the gateway is valid. The longest prefix decides; among equals, the one
// that was added first. Programs ask by fib_lookup and redirect_neigh; what the
// application sends names its device itself.
func (n *Network) AddRoute(to netip.Prefix, d *Device, gateway netip.Addr) error {
	if !to.IsValid() || gateway.IsValid() && gateway.Is4() != to.Addr().Is4() {
		return fmt.Errorf("hooks: add route to %v by %v: no prefix, or another family", to, gateway)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.routes = append(n.routes, route{to.Masked(), d.index, gateway})
	return nil
}

// AddNeighbour says which MAC address a station on a wire has.
func (n *Network) AddNeighbour(at netip.Addr, mac net.HardwareAddr) error {
	if !at.IsValid() || len(mac) != 6 {
		return fmt.Errorf("hooks: add neighbour %v at %v: no address, or not of Ethernet", at, mac)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.macs[at] = [6]byte(mac)
	return nil
}

// route finds the way to an address (fib_lookup).
func (n *Network) route(to netip.Addr) helpers.Route {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var best *route
	for i := range n.routes {
		if r := &n.routes[i]; r.to.Contains(to) && (best == nil || r.to.Bits() > best.to.Bits()) {
			best = r
		}
	}
	if best == nil || n.devices[best.dev] == nil {
		return helpers.Route{Result: helpers.RouteLocal}
	}
	next := to
	if best.gateway.IsValid() {
		next = best.gateway
	}
	mac, known := n.macs[next]
	r := helpers.Route{Device: best.dev, Gateway: best.gateway, MTU: deviceMTU, Next: mac}
	if !known {
		r.Result = helpers.RouteNoNeighbour
	}
	return r
}

// address writes the link header of an IP packet that is to leave by a device;
// false if nobody knows whom to send it to.
func (n *Network) address(packet []byte, by *Device) bool {
	const ethIPv4, ethIPv6 = 0x0800, 0x86dd
	var to netip.Addr
	switch proto := binary.BigEndian.Uint16(packet[12:]); {
	case proto == ethIPv4 && len(packet) >= leastPacket+20:
		to = netip.AddrFrom4([4]byte(packet[30:34]))
	case proto == ethIPv6 && len(packet) >= leastPacket+40:
		to = netip.AddrFrom16([16]byte(packet[38:54]))
	default:
		return false
	}
	r := n.route(to)
	if r.Result != helpers.RouteFound {
		return false
	}
	copy(packet, r.Next[:])
	copy(packet[6:], by.address)
	return true
}
