package helpers

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"
)

// The helpers that change a socket buffer's length and headers
// (net/core/filter.c and skbuff.c of Linux 6.18).

// MaxBuffer is how many bytes a socket buffer may grow to (BPF_SKB_MAX_LEN on a
// machine with pages of 4 KiB).
const MaxBuffer = 4<<12 - 320

const (
	ethernet  = 14 // bytes of a link header
	vlanBytes = 4
	typeAt    = 12 // offset of the protocol in a link header
	ipv4Bytes = 20
	ipv6Bytes = 40
)

// skbVLANPush puts a tag on the packet. The first one stays beside it; a second
// pushes the one before into the packet.
func skbVLANPush(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_vlan_push")
	if err != nil {
		return 0, err
	}
	kind, tag := uint16(args[1]), uint32(uint16(args[2]))
	if !tagged(kind) {
		kind = protocolVLAN
	}
	if get(b, "vlan_present") != 0 {
		if size(b) < ethernet {
			return errno(unix.EINVAL), nil
		}
		if errs := insert(b, typeAt, vlanBytes); errs != 0 {
			return errno(errs), nil
		}
		header, _ := bytesOf(b, typeAt, vlanBytes)
		outer := uint16(get(b, "vlan_proto"))
		binary.NativeEndian.PutUint16(header, outer)
		binary.BigEndian.PutUint16(header[2:], uint16(get(b, "vlan_tci")))
		set(b, "protocol", uint32(outer))
	}
	setTag(b, kind, tag)
	b.Marks().LinkBytes = linkLength(b)
	return 0, nil
}

// setTag sets the tag beside the packet.
func setTag(b Buffer, kind uint16, tag uint32) {
	set(b, "vlan_present", 1)
	set(b, "vlan_proto", uint32(kind))
	set(b, "vlan_tci", tag)
}

// skbVLANPop takes the outermost tag off; the next one in the packet, if any,
// then is beside it.
func skbVLANPop(e *Env, _ [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_vlan_pop")
	if err != nil {
		return 0, err
	}
	switch {
	case get(b, "vlan_present") != 0:
		for _, name := range []string{"vlan_present", "vlan_proto", "vlan_tci"} {
			set(b, name, 0)
		}
	case !tagged(protocol(b)):
		return 0, nil
	default:
		if _, errs := popTag(b); errs != 0 {
			return errno(errs), nil
		}
	}
	if next := protocol(b); tagged(next) {
		tag, errs := popTag(b)
		if errs != 0 {
			return errno(errs), nil
		}
		setTag(b, next, tag)
	}
	return 0, nil
}

// popTag removes the tag in the packet and returns it.
func popTag(b Buffer) (tag uint32, errs unix.Errno) {
	header, ok := bytesOf(b, 0, ethernet+vlanBytes)
	if !ok {
		return 0, unix.ENOMEM
	}
	behind, _ := bytesOf(b, ethernet+vlanBytes, min(2, size(b)-ethernet-vlanBytes))
	tag = uint32(binary.BigEndian.Uint16(header[ethernet:]))
	set(b, "protocol", uint32(EtherType(header[ethernet+2:], behind)))
	cut(b, typeAt, vlanBytes)
	m := b.Marks()
	m.Network = max(m.Network-vlanBytes, ethernet)
	m.LinkBytes = linkLength(b)
	return tag, 0
}

// linkLength is the number of bytes between the link and the network header.
func linkLength(b Buffer) int { return b.Marks().Network - b.Marks().Link }

// insert puts n zeros into the packet before the transport header.
func insert(b Buffer, off, n int) unix.Errno {
	if !b.Insert(off, n) {
		return unix.ENOMEM
	}
	if m := b.Marks(); m.Transport != 0 {
		m.Transport += n
	}
	return 0
}

// cut takes n bytes before the transport header out of the packet, which has them.
func cut(b Buffer, off, n int) {
	b.Remove(off, n)
	if m := b.Marks(); m.Transport != 0 {
		m.Transport -= n
	}
}

// push and pull change the length of headers; a transport header that is said to
// be where the network header is stays with it (bpf_skb_net_hdr_push and _pop).
func push(b Buffer, off, n int) unix.Errno {
	same := b.Marks().Transport == b.Marks().Network
	errs := insert(b, off, n)
	if same {
		b.Marks().Transport = b.Marks().Network
	}
	return errs
}

func pull(b Buffer, off, n int) unix.Errno {
	if uint64(off+n) > size(b) {
		return unix.ENOMEM
	}
	same := b.Marks().Transport == b.Marks().Network
	cut(b, off, n)
	if same {
		b.Marks().Transport = b.Marks().Network
	}
	return 0
}

// skbChangeProto makes an IPv4 packet one of IPv6 or back: the header gets its
// length, the program fills it.
func skbChangeProto(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_change_proto")
	if err != nil {
		return 0, err
	}
	if args[2] != 0 {
		return errno(unix.EINVAL), nil
	}
	from, to := protocol(b), uint16(args[1])
	switch {
	case from == ProtocolIPv4 && to == ProtocolIPv6:
		if errs := push(b, linkLength(b), ipv6Bytes-ipv4Bytes); errs != 0 {
			return errno(errs), nil
		}
	case from == ProtocolIPv6 && to == ProtocolIPv4:
		if errs := pull(b, linkLength(b), ipv6Bytes-ipv4Bytes); errs != 0 {
			return errno(errs), nil
		}
	default:
		return errno(errNotSupported), nil
	}
	set(b, "protocol", uint32(to))
	clearHash(b)
	return 0, nil
}

// skbChangeTail cuts the packet or adds zeros.
func skbChangeTail(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_change_tail")
	if err != nil {
		return 0, err
	}
	n, least := uint32(args[1]), max(b.Marks().Network, 0)
	if t := b.Marks().Transport; t > 0 {
		least = t
	}
	switch {
	case args[2] != 0 || n > MaxBuffer || int64(n) < int64(least):
		return errno(unix.EINVAL), nil
	case b.Marks().Encapsulated:
		return errno(errNotSupported), nil
	case !b.Resize(int(n)):
		return errno(unix.ENOMEM), nil
	}
	return 0, nil
}

// skbChangeHead puts zeros before the packet: room for a link header.
func skbChangeHead(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_change_head")
	if err != nil {
		return 0, err
	}
	n := uint32(args[1])
	if total := size(b) + uint64(n); args[2] != 0 || total > MaxBuffer {
		return errno(unix.EINVAL), nil
	}
	if errs := insert(b, 0, int(n)); errs != 0 {
		return errno(errs), nil
	}
	m := b.Marks()
	m.Link, m.Network = 0, m.Network+int(n)
	m.LinkBytes = m.Network
	return 0, nil
}

// Modes and flags of skb_adjust_room (enum bpf_adj_room_mode, BPF_F_ADJ_ROOM_*).
const (
	roomNet = iota
	roomMAC
)

const (
	roomFixedGSO   = 1 << 0
	roomEncapIPv4  = 1 << 1
	roomEncapIPv6  = 1 << 2
	roomEncapGRE   = 1 << 3
	roomEncapUDP   = 1 << 4
	roomKeepCsum   = 1 << 5
	roomEncapEth   = 1 << 6
	roomDecapIPv4  = 1 << 7
	roomDecapIPv6  = 1 << 8
	roomInnerShift = 56
	roomEncap      = roomEncapIPv4 | roomEncapIPv6
	roomDecap      = roomDecapIPv4 | roomDecapIPv6
	roomFlags      = roomFixedGSO | roomEncap | roomEncapGRE | roomEncapUDP | roomKeepCsum | roomEncapEth | roomDecap | math.MaxUint8<<roomInnerShift

	mostRoom = 0xfff // bytes in one call
)

// skbAdjustRoom grows or shrinks the packet behind the link header, or behind
// the network header.
func skbAdjustRoom(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_adjust_room")
	if err != nil {
		return 0, err
	}
	errs := adjustRoom(b, int32(args[1]), uint32(args[2]), args[3])
	if errs == 0 && args[3]&roomKeepCsum == 0 {
		b.Marks().Checked = 0
	}
	return errno(errs), nil
}

func adjustRoom(b Buffer, delta int32, mode uint32, flags uint64) unix.Errno {
	n := absolute(delta)
	if flags&^roomFlags != 0 {
		return unix.EINVAL
	}
	if n > mostRoom {
		return unix.EFAULT
	}
	least, ok := networkHeader(protocol(b))
	if !ok {
		return errNotSupported
	}
	off := linkLength(b)
	switch mode {
	case roomNet:
		off += int(least)
	case roomMAC:
	default:
		return errNotSupported
	}
	if decap := flags & roomDecap; decap != 0 {
		switch {
		case delta >= 0 || decap == roomDecap:
			return unix.EINVAL
		case decap == roomDecapIPv4:
			least = ipv4Bytes
		default:
			least = ipv6Bytes
		}
	}
	now := int64(size(b)) - int64(b.Marks().Network)
	if delta < 0 {
		if int64(n) >= now || now-int64(n) < least {
			return errNotSupported
		}
		return shrink(b, off, int(n), flags)
	}
	if size(b)+uint64(n) > MaxBuffer {
		return errNotSupported
	}
	return widen(b, off, int(n), flags)
}

// networkHeader returns the least length of a protocol's header.
func networkHeader(protocol uint16) (n int64, ok bool) {
	switch protocol {
	case ProtocolIPv4:
		return ipv4Bytes, true
	case ProtocolIPv6:
		return ipv6Bytes, true
	}
	return 0, false
}

func shrink(b Buffer, off, n int, flags uint64) unix.Errno {
	if flags&^(roomFixedGSO|roomDecap|roomKeepCsum) != 0 {
		return unix.EINVAL
	}
	if errs := pull(b, off, n); errs != 0 {
		return errs
	}
	switch p := protocol(b); {
	case p == ProtocolIPv4 && flags&roomDecapIPv6 != 0:
		set(b, "protocol", uint32(ProtocolIPv6))
	case p == ProtocolIPv6 && flags&roomDecapIPv4 != 0:
		set(b, "protocol", uint32(ProtocolIPv4))
	}
	return 0
}

func widen(b Buffer, off, n int, flags uint64) unix.Errno {
	inner := int(flags >> roomInnerShift)
	encap := flags&roomEncap != 0
	if encap {
		switch {
		case flags&roomEncap == roomEncap, flags&roomEncapGRE != 0 && flags&roomEncapUDP != 0,
			flags&roomEncapEth != 0 && inner < ethernet:
			return unix.EINVAL
		case b.Marks().Encapsulated:
			return unix.EALREADY
		case inner > n:
			return unix.EINVAL
		}
	}
	if errs := push(b, off, n); errs != 0 || !encap {
		return errs
	}
	m := b.Marks()
	m.Encapsulated = true
	if flags&(roomEncapGRE|roomEncapUDP) != 0 {
		m.Transport = linkLength(b) + ipv4Bytes
		if flags&roomEncapIPv6 != 0 {
			m.Transport = linkLength(b) + ipv6Bytes
		}
	}
	switch p := protocol(b); {
	case p == ProtocolIPv4 && flags&roomEncapIPv6 != 0:
		set(b, "protocol", uint32(ProtocolIPv6))
	case p == ProtocolIPv6 && flags&roomEncapIPv4 != 0:
		set(b, "protocol", uint32(ProtocolIPv4))
	}
	return 0
}
