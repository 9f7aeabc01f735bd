package helpers

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// The helpers of programs that see a socket buffer (net/core/filter.c of Linux
// 6.18), all but those that change its shape.

// skbLoadBytes copies bytes of the packet: -EFAULT, and zeros, where it has not
// so many.
func skbLoadBytes(e *Env, args [5]uint64) (uint64, error) {
	off, n := uint64(uint32(args[1])), uint64(uint32(args[3]))
	out, err := e.Memory.Write(args[2], int(n))
	if err != nil {
		return 0, err
	}
	if e.Packet != nil && off <= math.MaxInt32 {
		if b, ok := bytesOf(e.Packet, off, n); ok {
			copy(out, b)
			return 0, nil
		}
	}
	clear(out)
	return errno(unix.EFAULT), nil
}

// Headers that skb_load_bytes_relative counts from (enum bpf_hdr_start_off).
const (
	fromLink = iota
	fromNetwork
)

// skbLoadBytesRelative copies bytes behind a header: -EFAULT, and zeros, where
// the packet has not so many.
func skbLoadBytesRelative(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_load_bytes_relative")
	if err != nil {
		return 0, err
	}
	off, n := uint64(uint32(args[1])), uint64(uint32(args[3]))
	out, err := e.Memory.Write(args[2], int(n))
	if err != nil {
		return 0, err
	}
	start, end := b.Bounds()
	header, known := b.Marks().Link, off <= math.MaxUint16
	switch uint32(args[4]) {
	case fromLink:
	case fromNetwork:
		header = b.Marks().Network
	default:
		known = false
	}
	at := start + uint64(int64(header)) + off
	if !known || at+n > end {
		clear(out)
		return errno(unix.EFAULT), nil
	}
	copy(out, mem.View(at, int(n)))
	return 0, nil
}

// Flags of skb_store_bytes. Checksums of whole packets are not kept here, so
// there is none to recompute.
const (
	recomputeCsum  = 1 << 0
	invalidateHash = 1 << 1
)

// skbStoreBytes writes bytes of the packet: -EFAULT where it has not so many.
func skbStoreBytes(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_store_bytes")
	if err != nil {
		return 0, err
	}
	off, n, flags := uint64(uint32(args[1])), uint64(uint32(args[3])), args[4]
	if flags&^(recomputeCsum|invalidateHash) != 0 {
		return errno(unix.EINVAL), nil
	}
	piece, ok := bytesOf(b, off, n)
	if !ok || off > math.MaxInt32 {
		return errno(unix.EFAULT), nil
	}
	in, err := e.Memory.Read(args[2], int(n))
	if err != nil {
		return 0, err
	}
	copy(piece, in)
	if flags&invalidateHash != 0 {
		clearHash(b)
	}
	return 0, nil
}

// skbPullData makes bytes linear, which all are: -ENOMEM where the packet has
// not so many.
func skbPullData(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_pull_data")
	if err != nil {
		return 0, err
	}
	if uint64(uint32(args[1])) > size(b) {
		return errno(unix.ENOMEM), nil
	}
	return 0, nil
}

// lastType is the last type of packets that may be set (PACKET_OTHERHOST).
const lastType = 3

func skbChangeType(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_change_type")
	if err != nil {
		return 0, err
	}
	if t := uint32(args[1]); t <= lastType && get(b, "pkt_type") <= lastType {
		set(b, "pkt_type", t)
		return 0, nil
	}
	return errno(unix.EINVAL), nil
}

func clearHash(b Buffer) {
	b.Marks().Hashed = false
	set(b, "hash", 0)
}

// getHashRecalc returns the packet's hash, which it computes where there is
// none: FNV-1a over addresses, protocol and ports here, in the kernel a function
// with a random key.
func getHashRecalc(e *Env, _ [5]uint64) (uint64, error) {
	b, err := e.buffer("get_hash_recalc")
	if err != nil {
		return 0, err
	}
	if !b.Marks().Hashed {
		b.Marks().Hashed = true
		set(b, "hash", flowHash(b))
	}
	return uint64(get(b, "hash")), nil
}

// flowHash hashes what tells the packet's flow; never 0, as in the kernel.
func flowHash(b Buffer) uint32 {
	const basis, prime = 2166136261, 16777619
	h := uint32(basis)
	add := func(off, n uint64) {
		piece, _ := bytesOf(b, uint64(b.Marks().Network)+off, n)
		for _, c := range piece {
			h = (h ^ uint32(c)) * prime
		}
	}
	switch protocol(b) {
	case ProtocolIPv4:
		add(9, 1)
		add(12, 12)
	case ProtocolIPv6:
		add(6, 1)
		add(8, 36)
	default:
		add(0, size(b)-uint64(b.Marks().Network))
	}
	return max(h, 1)
}

func setHashInvalid(e *Env, _ [5]uint64) (uint64, error) {
	b, err := e.buffer("set_hash_invalid")
	if err == nil {
		clearHash(b)
	}
	return 0, err
}

func setHash(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("set_hash")
	if err == nil {
		b.Marks().Hashed = true
		set(b, "hash", uint32(args[1]))
	}
	return 0, err
}

// Clocks of skb_set_tstamp (enum bpf_skb_tstamp_type): the wall clock, and two
// whose times are not 0.
const (
	clockRealtime = iota
	clockMonotonic
	clockTAI
)

func skbSetTstamp(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_set_tstamp")
	if err != nil {
		return 0, err
	}
	if p := protocol(b); p != ProtocolIPv4 && p != ProtocolIPv6 {
		return errno(unix.EOPNOTSUPP), nil
	}
	kind := uint32(args[2])
	if kind > clockTAI || kind != clockRealtime && args[1] == 0 {
		return errno(unix.EINVAL), nil
	}
	if at := field(b, "tstamp"); at != 0 {
		mem.Store64(at, args[1])
	}
	if at := field(b, "tstamp_type"); at != 0 {
		mem.Store8(at, uint64(kind))
	}
	return 0, nil
}

// skbECNSetCE marks congestion in the network header of a packet that allows it,
// and returns 1 where the mark is set then (INET_ECN_set_ce in inet_ecn.h).
func skbECNSetCE(e *Env, _ [5]uint64) (uint64, error) {
	b, err := e.buffer("skb_ecn_set_ce")
	if err != nil {
		return 0, err
	}
	const mark, ip4, ip6 = 3, 20, 40
	at := uint64(b.Marks().Network)
	switch behindTags(b) {
	case ProtocolIPv4:
		h, ok := bytesOf(b, at, ip4)
		if !ok || h[1]&mark == 0 {
			return 0, nil
		}
		if old := h[1] & mark; old != mark {
			step := uint32(network16(0xfffb)) + uint32(network16(uint16(old+1)))
			sum := uint32(binary.NativeEndian.Uint16(h[10:])) + step&math.MaxUint16
			if sum >= math.MaxUint16 {
				sum++
			}
			binary.NativeEndian.PutUint16(h[10:], uint16(sum))
			h[1] |= mark
		}
		return 1, nil
	case ProtocolIPv6:
		h, ok := bytesOf(b, at, ip6)
		if !ok || h[1]>>4&mark == 0 {
			return 0, nil
		}
		h[1] |= mark << 4
		return 1, nil
	}
	return 0, nil
}

// mostTags is how many tags behindTags looks behind (VLAN_MAX_DEPTH).
const mostTags = 8

// behindTags returns the protocol behind the tags in the packet, 0 where it ends
// before (vlan_get_protocol in if_vlan.h).
func behindTags(b Buffer) uint16 {
	p, off := protocol(b), ethernet
	if n := b.Marks().LinkBytes; n != 0 {
		off = n - vlanBytes
	}
	for i := 0; tagged(p); i++ {
		tag, ok := bytesOf(b, uint64(off+i*vlanBytes), vlanBytes)
		if !ok || off < 0 || i == mostTags-1 {
			return 0
		}
		p = binary.NativeEndian.Uint16(tag[2:])
	}
	return p
}
