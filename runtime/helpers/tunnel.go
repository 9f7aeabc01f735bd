package helpers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Tunnel is what goes with a packet between a program and a device that makes
// tunnels (struct ip_tunnel_info of Linux 6.18).
type Tunnel struct {
	ID       uint32
	IPv6     bool
	Src, Dst [16]byte // in the order of the network; an IPv4 address has the first four
	TOS, TTL uint8
	Label    uint32
	Flags    uint16 // TUNNEL_* of if_tunnel.h
	Options  []byte // nil: none are present
}

// Offsets in struct bpf_tunnel_key, all of which are sizes of older versions of
// it, and its size now.
const (
	tunnelRemote  = 4
	tunnelRemote4 = 8 // behind an IPv4 address
	tunnelTOS     = 20
	tunnelTTL     = 21
	tunnelExt     = 22
	tunnelLabel   = 24
	tunnelLocal   = 28
	tunnelBytes   = 44
)

// Flags of both helpers, of get and of set.
const (
	tunnelIPv6      = 1 << 0
	tunnelShowFlags = 1 << 4
	tunnelNoCsum    = 1 << 1
	tunnelDF        = 1 << 2
	tunnelSeq       = 1 << 3
	tunnelNoKey     = 1 << 4
)

// What a tunnel's own flags mean (TUNNEL_*).
const (
	hasCsum    = 0x0001
	hasKey     = 0x0004
	hasSeq     = 0x0008
	hasDF      = 0x0100
	hasNoCache = 0x2000
	hasOptions = 0x0800 | 0x1000 | 0x4000 | 0x8000
)

// mostOptions bounds the options of a tunnel in bytes.
const mostOptions = 255

// tunnelSize reports whether n bytes are a version of struct bpf_tunnel_key.
func tunnelSize(n int) bool {
	switch n {
	case tunnelRemote4, tunnelExt, tunnelLabel, tunnelLocal, tunnelBytes:
		return true
	}
	return false
}

// bufferAnd returns the run's socket buffer and the memory at args[1], of args[2]
// bytes.
func (e *Env) bufferAnd(helper string, memory func(addr uint64, n int) ([]byte, error), args [5]uint64) (Buffer, []byte, error) {
	b, err := e.buffer(helper)
	if err != nil {
		return nil, nil, err
	}
	m, err := memory(args[1], int(uint32(args[2])))
	return b, m, err
}

// skbGetTunnelKey writes what is known of the packet's tunnel: -EINVAL where it
// came by none, -EPROTO for the other version of IP, and zeros.
func skbGetTunnelKey(e *Env, args [5]uint64) (uint64, error) {
	b, out, err := e.bufferAnd("skb_get_tunnel_key", e.Memory.Write, args)
	if err != nil {
		return 0, err
	}
	clear(out)
	t, flags := b.Marks().Tunnel, args[3]
	switch {
	case t == nil || flags&^(tunnelIPv6|tunnelShowFlags) != 0:
		return errno(unix.EINVAL), nil
	case t.IPv6 != (flags&tunnelIPv6 != 0):
		return errno(unix.EPROTO), nil
	case !tunnelSize(len(out)), len(out) == tunnelRemote4 && t.IPv6:
		return errno(unix.EINVAL), nil
	}
	var key [tunnelBytes]byte
	put := func(at int, x uint32) { binary.NativeEndian.PutUint32(key[at:], x) }
	put(0, t.ID)
	key[tunnelTOS], key[tunnelTTL] = t.TOS, t.TTL
	if flags&tunnelShowFlags != 0 {
		binary.BigEndian.PutUint16(key[tunnelExt:], t.Flags)
	}
	if t.IPv6 {
		copy(key[tunnelRemote:], t.Src[:])
		copy(key[tunnelLocal:], t.Dst[:])
		put(tunnelLabel, t.Label)
	} else {
		put(tunnelRemote, binary.BigEndian.Uint32(t.Src[:]))
		put(tunnelLocal, binary.BigEndian.Uint32(t.Dst[:]))
	}
	copy(out, key[:])
	return 0, nil
}

// mostLabel is the greatest flow label of IPv6.
const mostLabel = 1<<20 - 1

// skbSetTunnelKey says by which tunnel the packet is to leave.
func skbSetTunnelKey(e *Env, args [5]uint64) (uint64, error) {
	b, in, err := e.bufferAnd("skb_set_tunnel_key", e.Memory.Read, args)
	if err != nil {
		return 0, err
	}
	flags := args[3]
	if flags&^(tunnelIPv6|tunnelNoCsum|tunnelDF|tunnelSeq|tunnelNoKey) != 0 || !tunnelSize(len(in)) {
		return errno(unix.EINVAL), nil
	}
	var key [tunnelBytes]byte
	copy(key[:], in)
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(key[at:]) }
	ipv6 := flags&tunnelIPv6 != 0
	if !ipv6 && word(tunnelLabel) != 0 || binary.NativeEndian.Uint16(key[tunnelExt:]) != 0 {
		return errno(unix.EINVAL), nil
	}
	t := &Tunnel{ID: word(0), IPv6: ipv6, TOS: key[tunnelTOS], TTL: key[tunnelTTL], Flags: tunnelFlags(flags)}
	if ipv6 {
		t.Dst, t.Src = [16]byte(key[tunnelRemote:]), [16]byte(key[tunnelLocal:])
		t.Label = word(tunnelLabel) & mostLabel
	} else {
		binary.BigEndian.PutUint32(t.Dst[:], word(tunnelRemote))
		binary.BigEndian.PutUint32(t.Src[:], word(tunnelLocal))
	}
	b.Marks().Tunnel = t
	return 0, nil
}

// tunnelFlags makes a tunnel's own flags of those of the helper.
func tunnelFlags(flags uint64) uint16 {
	own := uint16(hasNoCache)
	for _, f := range [...]struct {
		helper uint64
		set    bool
		own    uint16
	}{{tunnelDF, true, hasDF}, {tunnelNoCsum, false, hasCsum}, {tunnelSeq, true, hasSeq}, {tunnelNoKey, false, hasKey}} {
		if flags&f.helper != 0 == f.set {
			own |= f.own
		}
	}
	return own
}

// skbGetTunnelOpt writes the tunnel's options and zeros, and returns their size:
// -ENOENT where there are none, -ENOMEM where they do not fit.
func skbGetTunnelOpt(e *Env, args [5]uint64) (uint64, error) {
	b, out, err := e.bufferAnd("skb_get_tunnel_opt", e.Memory.Write, args)
	if err != nil {
		return 0, err
	}
	clear(out)
	switch t := b.Marks().Tunnel; {
	case t == nil || t.Flags&hasOptions == 0:
		return errno(unix.ENOENT), nil
	case len(out) < len(t.Options):
		return errno(unix.ENOMEM), nil
	default:
		return uint64(copy(out, t.Options)), nil
	}
}

// skbSetTunnelOpt gives options to the tunnel that the program set: -EINVAL
// where it set none, or for a size that is no multiple of 4.
func skbSetTunnelOpt(e *Env, args [5]uint64) (uint64, error) {
	b, in, err := e.bufferAnd("skb_set_tunnel_opt", e.Memory.Read, args)
	if err != nil {
		return 0, err
	}
	t, n := b.Marks().Tunnel, len(in)
	switch {
	case t == nil || t.Flags&hasNoCache == 0 || n%4 != 0:
		return errno(unix.EINVAL), nil
	case n > mostOptions:
		return errno(unix.ENOMEM), nil
	}
	t.Options = append([]byte{}, in...)
	t.Flags |= hasOptions
	return 0, nil
}
