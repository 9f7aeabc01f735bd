package helpers

import (
	"encoding/binary"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Sizes in bytes of the ends of a packet in struct bpf_sock_tuple.
const (
	tuple4 = 12
	tuple6 = 36
)

// skLookup finds a simulated socket for the ends at args[1]; 0 if there is none
// (sk_lookup and its callers in net/core/filter.c of Linux 6.18).
func skLookup(e *Env, args [5]uint64, protocol uint8) (*Socket, error) {
	b, err := e.Memory.Read(args[1], int(uint32(args[2])))
	if err != nil {
		return nil, err
	}
	netns := args[3]
	if args[4] != 0 || int32(netns) >= 0 && netns > math.MaxInt32 {
		return nil, nil
	}
	n := 4
	switch len(b) {
	case tuple4:
	case tuple6:
		n = 16
	default:
		return nil, nil
	}
	end := func(addr, port int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(b[addr : addr+n])
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(b[port:]))
	}
	return e.Sockets.lookup(protocol, end(n, 2*n+2), end(0, 2*n)), nil
}

// full reports whether a socket is more than a request or a remnant.
func (sk *Socket) full() bool {
	return sk.spec.State != stateNewSynRecv && sk.spec.State != stateTimeWait
}

// address returns a socket's address, 0 for none.
func (sk *Socket) address() uint64 {
	if sk == nil {
		return 0
	}
	return sk.Addr()
}

func skLookupTCP(e *Env, args [5]uint64) (uint64, error) {
	sk, err := skLookup(e, args, unix.IPPROTO_TCP)
	if sk != nil && !sk.full() {
		sk = nil
	}
	return sk.address(), err
}

func skcLookupTCP(e *Env, args [5]uint64) (uint64, error) {
	sk, err := skLookup(e, args, unix.IPPROTO_TCP)
	return sk.address(), err
}

func skLookupUDP(e *Env, args [5]uint64) (uint64, error) {
	sk, err := skLookup(e, args, unix.IPPROTO_UDP)
	return sk.address(), err
}

// skRelease gives a socket back: its memory stays until the table is closed.
func skRelease(*Env, [5]uint64) (uint64, error) { return 0, nil }

// socket returns the table's socket at an address, nil if there is none.
func (e *Env) socket(addr uint64) *Socket { return e.Sockets.of(addr) }

func skFullsock(e *Env, args [5]uint64) (uint64, error) {
	if sk := e.socket(args[0]); sk != nil && sk.full() {
		return sk.Addr(), nil
	}
	return 0, nil
}

// tcpSock returns what a TCP socket knows, 0 for another one.
func tcpSock(e *Env, args [5]uint64) (uint64, error) {
	if sk := e.socket(args[0]); sk != nil && sk.full() && sk.spec.Protocol == unix.IPPROTO_TCP {
		return sk.Addr() + sockBytes, nil
	}
	return 0, nil
}

// getListenerSock returns the listening socket that a socket came from: here
// only itself, if it listens.
func getListenerSock(e *Env, args [5]uint64) (uint64, error) {
	if sk := e.socket(args[0]); sk != nil && sk.spec.State == stateListen {
		return sk.Addr(), nil
	}
	return 0, nil
}

// Flags of sk_assign where a socket is looked up for.
const (
	assignReplace = 1 << 0
	assignAny     = 1 << 1
)

// skAssign notes which socket the packet is for.
func skAssign(e *Env, args [5]uint64) (uint64, error) {
	flags := args[2]
	allowed := uint64(assignReplace | assignAny)
	if e.Packet != nil && e.Packet.Buffer() != nil {
		allowed = 0
	}
	switch sk := e.socket(args[1]); {
	case flags&^allowed != 0:
		return errno(unix.EINVAL), nil
	case sk == nil && args[1] != 0:
		return errno(unix.ENETUNREACH), nil
	case e.Assigned != nil && sk != nil && flags&assignReplace == 0 && allowed != 0:
		return errno(unix.EEXIST), nil
	default:
		e.Assigned = sk
	}
	return 0, nil
}

// objectOf makes the number of the kernel's structure of a socket: nothing lies
// there.
func objectOf(sk *Socket) uint64 { return taskBase | sk.Addr() }

// skcTo returns a helper that gives the kernel's structure of a socket, 0 where
// it is none of the kind.
func skcTo(is func(SocketSpec) bool) Func {
	return func(e *Env, args [5]uint64) (uint64, error) {
		if sk := e.socket(args[0]); sk != nil && is(sk.spec) {
			return objectOf(sk), nil
		}
		return 0, nil
	}
}

func isTCP(s SocketSpec) bool {
	return s.Protocol == unix.IPPROTO_TCP && s.State != stateTimeWait && s.State != stateNewSynRecv
}

func isTCP6(s SocketSpec) bool { return isTCP(s) && s.Local.Addr().Is6() }

func isUDP6(s SocketSpec) bool {
	return s.Protocol == unix.IPPROTO_UDP && s.Local.Addr().Is6()
}

func isTimeWait(s SocketSpec) bool { return s.State == stateTimeWait }

func isRequest(s SocketSpec) bool { return s.State == stateNewSynRecv }

// isOther is for kinds of sockets that there are none of: unix and MPTCP.
func isOther(SocketSpec) bool { return false }
