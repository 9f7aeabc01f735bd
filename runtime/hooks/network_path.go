package hooks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bpfproof/bpfproof/ir/abi"
	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/helpers"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Results of a tc program (include/uapi/linux/pkt_cls.h). Others mean
// tcUnspec to a classifier (cls_bpf_exec_opcode in net/sched/cls_bpf.c).
const (
	tcOK       = 0
	tcShot     = 2
	tcStolen   = 4
	tcTrap     = 8
	tcRedirect = 7
)

// Fields of __sk_buff that the network fills in.
const (
	skbPktType        = 4
	skbIngressIfindex = 36
	skbIfindex        = 40
	skbDataEnd        = 80
	skbWireLen        = 160
	skbSize           = 192
)

// Fields of xdp_md.
const (
	xdpIngressIfindex = 12
	xdpSize           = 24
)

// The smallest packet: an Ethernet header.
const leastPacket = 14

// parcel is a packet on its way: where it is, and what tc programs noted of it.
type parcel struct {
	dev  *Device
	at   func(*flight, parcel) // what happens to it next
	data []byte
	skb  []byte // __sk_buff as it was left; nil: no program has seen one
}

// flight carries a packet, and the copies that programs make of it, to all of
// their ends.
type flight struct {
	ctx  context.Context
	net  *Network
	todo []parcel
	hops int
	errs []error
}

// Receive brings a packet to the device, as if it came from the wire. It
// returns when the packet and its copies are where they end. The error says
// which programs failed; packets are dropped then. Everything else is counted.
func (d *Device) Receive(ctx context.Context, packet []byte) error {
	return d.carry(ctx, packet, (*flight).receive)
}

// Send sends a packet by the device, as the stack above it does. The rest is as
// with Receive.
func (d *Device) Send(ctx context.Context, packet []byte) error {
	return d.carry(ctx, packet, (*flight).egress)
}

func (d *Device) carry(ctx context.Context, packet []byte, at func(*flight, parcel)) error {
	if len(packet) < leastPacket || len(packet) > runtime.MaxData {
		return fmt.Errorf("hooks: packet of %d bytes to device %q: want %d to %d", len(packet), d.name, leastPacket, runtime.MaxData)
	}
	f := &flight{ctx: ctx, net: d.net}
	f.next(d, at, append([]byte{}, packet...), nil)
	for len(f.todo) > 0 {
		p := f.todo[0]
		f.todo = f.todo[1:]
		switch f.hops++; {
		case f.hops > MaxHops:
			p.dev.count.loops.Add(1)
		case p.dev.down.Load():
			p.dev.count.noTarget.Add(1)
		default:
			p.at(f, p)
		}
	}
	return errors.Join(f.errs...)
}

func (f *flight) next(d *Device, at func(*flight, parcel), data, skb []byte) {
	f.todo = append(f.todo, parcel{d, at, data, skb})
}

// receive is where a packet comes from the wire: XDP.
func (f *flight) receive(p parcel) {
	d := p.dev
	d.count.received.Add(1)
	d.count.receivedBytes.Add(uint64(len(p.data)))
	d.mu.RLock()
	l := d.xdp
	d.mu.RUnlock()
	if l == nil {
		f.ingress(p)
		return
	}
	var ctx [xdpSize]byte
	binary.NativeEndian.PutUint32(ctx[xdpIngressIfindex:], d.index)
	ret, redirect, err := f.run(l, &p, ctx[:])
	if err != nil && !errors.Is(err, ErrDetached) {
		f.lost(d, err)
		return
	}
	if err != nil { // while the packet was on its way
		ret = abi.XDPPass
	}
	switch ret {
	case abi.XDPDrop:
		d.count.dropped.Add(1)
	case abi.XDPPass:
		f.ingress(p)
	case abi.XDPTX:
		f.transmit(p)
	case abi.XDPRedirect:
		f.redirectXDP(p, redirect)
	default: // XDP_ABORTED, and what has no meaning (bpf_warn_invalid_xdp_action)
		d.count.aborted.Add(1)
	}
}

// run runs a program on the packet, which is then as the program left it.
func (f *flight) run(l *netLink, p *parcel, in []byte) (ret uint64, redirect helpers.Redirect, err error) {
	err = l.run(f.ctx, func(s runtime.Session) error {
		frame := s.Frame()
		if err := frame.Set(runtime.Input{Data: p.data, Ctx: in}); err != nil {
			return err
		}
		if len(in) == skbSize { // a frame does not know whose packets it holds
			addr, _ := frame.Context()
			mem.Store32(addr+skbPktType, uint64(packetType(p.data, p.dev.address)))
		}
		if e, ok := s.(runtime.Environed); ok {
			e.Env().Network, e.Env().Device = f, p.dev.index
		}
		return nil
	}, func(r uint64, s runtime.Session) {
		ret = r
		frame := s.Frame()
		p.data = frame.Packet()
		if len(in) == skbSize {
			p.skb = frame.Ctx()
		}
		if e, ok := s.(runtime.Environed); ok {
			redirect = e.Env().Redirect
		}
	})
	return ret, redirect, err
}

// lost counts a packet whose program failed.
func (f *flight) lost(d *Device, err error) {
	d.count.failed.Add(1)
	f.errs = append(f.errs, fmt.Errorf("hooks: packet on device %q: %w", d.name, err))
}

// ingress is where a packet is on its way up: the tc programs.
func (f *flight) ingress(p parcel) {
	d := p.dev
	d.mu.RLock()
	chain := d.ingress
	d.mu.RUnlock()
	if len(chain) > 0 {
		f.meta(&p)
		binary.NativeEndian.PutUint32(p.skb[skbIngressIfindex:], d.index)
	}
	if !f.classify(&p, chain) {
		return
	}
	if d.up.put(p.data) {
		d.count.passed.Add(1)
	} else {
		d.count.noRoom.Add(1)
	}
}

// egress is where a packet is on its way down: the tc programs.
func (f *flight) egress(p parcel) {
	d := p.dev
	d.mu.RLock()
	chain := d.egress
	d.mu.RUnlock()
	if len(chain) > 0 {
		f.meta(&p)
	}
	if f.classify(&p, chain) {
		f.transmit(p)
	}
}

// meta gives the packet the context that tc programs see on the device.
func (f *flight) meta(p *parcel) {
	if p.skb == nil {
		p.skb = make([]byte, skbSize)
	}
	put := func(off int, x uint32) { binary.NativeEndian.PutUint32(p.skb[off:], x) }
	put(skbIfindex, p.dev.index)
	put(skbDataEnd, 0)
	put(skbWireLen, uint32(len(p.data)))
}

// packetType tells whom a frame is for (eth_type_trans).
func packetType(data, own []byte) uint32 {
	const host, broadcast, multicast, other = 0, 1, 2, 3
	switch to := data[:6]; {
	case string(to) == "\xff\xff\xff\xff\xff\xff":
		return broadcast
	case to[0]&1 != 0:
		return multicast
	case string(to) == string(own):
		return host
	}
	return other
}

// classify runs a chain of tc programs and reports whether the packet goes on.
// A result without meaning leaves the packet to the next program.
func (f *flight) classify(p *parcel, chain []*netLink) bool {
	d := p.dev
	for _, l := range chain {
		binary.NativeEndian.PutUint32(p.skb[skbDataEnd:], 0) // the frame knows the packet's length
		ret, redirect, err := f.run(l, p, p.skb)
		if errors.Is(err, ErrDetached) {
			continue // while the packet was on its way
		}
		if err != nil {
			f.lost(d, err)
			return false
		}
		switch int32(ret) {
		case tcOK:
			return true
		case tcShot:
			d.count.dropped.Add(1)
			return false
		case tcStolen, tcTrap:
			d.count.stolen.Add(1)
			return false
		case tcRedirect:
			f.redirectTC(*p, redirect)
			return false
		}
	}
	return true
}

// transmit is where a packet leaves the device.
func (f *flight) transmit(p parcel) {
	d := p.dev
	if d.down.Load() {
		d.count.noTarget.Add(1)
		return
	}
	d.count.sent.Add(1)
	d.count.sentBytes.Add(uint64(len(p.data)))
	if peer := d.peer.Load(); peer != nil {
		f.next(peer, (*flight).receive, p.data, nil)
		return
	}
	if !d.wire.put(p.data) {
		d.count.noRoom.Add(1)
	}
}
