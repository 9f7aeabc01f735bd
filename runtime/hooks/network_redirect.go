package hooks

import (
	"encoding/binary"
	"net/netip"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/maps"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Flags of redirect_map (BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS).
const (
	toAll        = 1 << 3
	notToIngress = 1 << 4
)

// redirectXDP sends the packet where an XDP program wants it (xdp_do_redirect
// in net/core/filter.c): by another device, up the stack on another processor,
// or to a socket. Neither tc nor XDP programs of the other device see it.
func (f *flight) redirectXDP(p parcel, to helpers.Redirect) {
	d := p.dev
	if to.Map == nil {
		f.leaveBy(p, to.Index)
		return
	}
	if to.Flags&toAll != 0 {
		f.broadcast(p, to)
		return
	}
	element, ok := element(to.Map, to.Index)
	if !ok { // deleted since the program asked for it
		d.count.noTarget.Add(1)
		return
	}
	switch to.Map.Spec().Type {
	case ir.CPUMap:
		d.count.redirected.Add(1)
		f.ingress(p)
	case ir.XSKMap:
		q := f.net.socket(element)
		if q == nil {
			d.count.noTarget.Add(1)
			return
		}
		if d.count.redirected.Add(1); !q.put(p.data) {
			d.count.noRoom.Add(1)
		}
	default:
		f.leaveBy(p, element)
	}
}

// leaveBy sends the packet by the device of that number.
func (f *flight) leaveBy(p parcel, index uint32) {
	target := f.net.Device(index)
	if target == nil {
		p.dev.count.noTarget.Add(1)
		return
	}
	p.dev.count.redirected.Add(1)
	f.next(target, (*flight).transmit, p.data, p.skb)
}

// broadcast sends a copy by each device of a devmap (dev_map_enqueue_multi).
func (f *flight) broadcast(p parcel, to helpers.Redirect) {
	sent := false
	for _, v := range maps.All(to.Map) {
		index := binary.NativeEndian.Uint32(v)
		if index == 0 || index == p.dev.index && to.Flags&notToIngress != 0 {
			continue
		}
		sent = true
		f.leaveBy(parcel{dev: p.dev, data: append([]byte{}, p.data...)}, index)
	}
	if !sent {
		p.dev.count.noTarget.Add(1)
	}
}

// element returns the number in an element of a map of targets.
func element(m maps.Map, index uint32) (uint32, bool) {
	key := binary.NativeEndian.AppendUint32(nil, index)
	if m.Spec().Type == ir.XSKMap { // whose elements the application cannot read
		addr := m.LookupAddr(key)
		if addr == 0 {
			return 0, false
		}
		return uint32(mem.Load32(addr)), true
	}
	v, err := m.Lookup(key)
	if err != nil {
		return 0, false
	}
	return binary.NativeEndian.Uint32(v), true
}

// redirectTC sends the packet where a tc program wants it (skb_do_redirect in
// net/core/filter.c): out by another device, past its egress programs; into it
// or into its peer as if it had been received, past those of ingress; or out by
// it with the link header of the next station on the packet's way.
func (f *flight) redirectTC(p parcel, to helpers.Redirect) {
	target := f.net.Device(to.Index)
	if to.Map != nil || target == nil {
		p.dev.count.noTarget.Add(1)
		return
	}
	at := (*flight).egress
	switch {
	case to.Flags&helpers.RedirectIngress != 0:
		at = (*flight).ingress
	case to.Flags&helpers.RedirectPeer != 0:
		at = (*flight).ingress
		target = target.peer.Load()
	case to.Flags&helpers.RedirectNeigh != 0 && !f.net.address(p.data, target):
		target = nil
	}
	if target == nil {
		p.dev.count.noTarget.Add(1)
		return
	}
	p.dev.count.redirected.Add(1)
	f.next(target, at, p.data, p.skb)
}

// Device tells programs of a device (helpers.Network).
func (f *flight) Device(index uint32) (helpers.Device, bool) {
	d := f.net.Device(index)
	if d == nil {
		return helpers.Device{}, false
	}
	return helpers.Device{MTU: deviceMTU, Header: leastPacket, Address: [6]byte(d.address), Forward: true}, true
}

// Route tells programs of a packet's way.
func (f *flight) Route(_ uint32, to netip.Addr) helpers.Route { return f.net.route(to) }

// Send takes the copy of a packet that a tc program sends (clone_redirect).
func (f *flight) Send(to helpers.Redirect, packet []byte) {
	target := f.net.Device(to.Index)
	if target == nil || len(packet) < leastPacket {
		return // the helper has looked whether there is such a device
	}
	at := (*flight).egress
	if to.Flags&helpers.RedirectIngress != 0 {
		at = (*flight).ingress
	}
	f.next(target, at, packet, nil)
}
