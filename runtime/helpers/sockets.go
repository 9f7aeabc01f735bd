package helpers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Sockets is the table of the simulated sockets that programs look up. Their
// memory stays until Close, so that no program loses a socket it holds. It is
// safe for concurrent use.
type Sockets struct {
	mu     sync.RWMutex
	find   map[flow]*Socket
	all    map[uint64]*Socket // by address, those that were taken out too
	closed bool
}

// flow is what a socket is found by. A remote end that is not valid stands for
// any, and so does a local address that is not specified.
type flow struct {
	protocol      uint8
	local, remote netip.AddrPort
}

// SocketSpec says what a socket is.
type SocketSpec struct {
	Protocol      uint8          // unix.IPPROTO_TCP or unix.IPPROTO_UDP
	Local, Remote netip.AddrPort // Remote not valid: it listens, or is not connected
	State         uint32         // as in the kernel, TCP_ESTABLISHED = 1 and so on; 0: what the ends say
	Mark          uint32
	Priority      uint32
	Device        uint32 // that it is bound to
	SndCwnd, SRTT uint32 // of a TCP socket: bpf_tcp_sock's snd_cwnd and srtt_us
}

// Socket is a socket of the table.
type Socket struct {
	spec  SocketSpec
	block *mem.Block
}

// States of sockets (tcp_states.h).
const (
	stateEstablished = 1
	stateTimeWait    = 6
	stateClose       = 7
	stateListen      = 10
	stateNewSynRecv  = 12
)

// Offsets in bytes in struct bpf_sock, behind which there lies the socket's
// bpf_tcp_sock, and the sizes of both.
const (
	sockDevice   = 0
	sockFamily   = 4
	sockType     = 8
	sockProtocol = 12
	sockMark     = 16
	sockPriority = 20
	sockLocal4   = 24
	sockLocal6   = 28
	sockLocal    = 44 // port, in host order
	sockRemote   = 48 // port, in the order of the network
	sockRemote4  = 52
	sockRemote6  = 56
	sockState    = 72
	sockBytes    = 80

	tcpCwnd  = sockBytes
	tcpSRTT  = sockBytes + 4
	tcpBytes = 112
)

// NewSockets returns a table without sockets. The caller closes it.
func NewSockets() *Sockets { return &Sockets{find: map[flow]*Socket{}, all: map[uint64]*Socket{}} }

// errSocketTaken says that there is a socket with the same ends.
var errSocketTaken = errors.New("there is a socket with these ends")

// Add puts a socket into the table.
func (s *Sockets) Add(spec SocketSpec) (*Socket, error) {
	fail := func(err error) (*Socket, error) { return nil, fmt.Errorf("helpers: add socket: %w", err) }
	if spec.Protocol != unix.IPPROTO_TCP && spec.Protocol != unix.IPPROTO_UDP {
		return fail(fmt.Errorf("protocol %d is neither TCP nor UDP", spec.Protocol))
	}
	if !spec.Local.IsValid() || spec.Remote.IsValid() && spec.Remote.Addr().Is4() != spec.Local.Addr().Is4() {
		return fail(fmt.Errorf("the ends %v and %v do not go together", spec.Local, spec.Remote))
	}
	if spec.State == 0 {
		spec.State = usualState(spec)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := flow{spec.Protocol, spec.Local, spec.Remote}
	switch {
	case s.closed:
		return fail(errors.New("the table is closed"))
	case s.find[key] != nil:
		return fail(errSocketTaken)
	}
	block, err := mem.Alloc(sockBytes + tcpBytes)
	if err != nil {
		return fail(err)
	}
	sk := &Socket{spec, block}
	sk.fill()
	s.find[key], s.all[sk.Addr()] = sk, sk
	return sk, nil
}

func usualState(spec SocketSpec) uint32 {
	switch {
	case spec.Remote.IsValid():
		return stateEstablished
	case spec.Protocol == unix.IPPROTO_TCP:
		return stateListen
	}
	return stateClose
}

// fill writes what programs read.
func (sk *Socket) fill() {
	b, put := sk.block.Bytes(), func(off int, x uint32) { binary.NativeEndian.PutUint32(sk.block.Bytes()[off:], x) }
	put(sockDevice, sk.spec.Device)
	put(sockFamily, unix.AF_INET)
	if sk.spec.Local.Addr().Is6() {
		put(sockFamily, unix.AF_INET6)
	}
	put(sockType, unix.SOCK_STREAM)
	if sk.spec.Protocol == unix.IPPROTO_UDP {
		put(sockType, unix.SOCK_DGRAM)
	}
	put(sockProtocol, uint32(sk.spec.Protocol))
	put(sockMark, sk.spec.Mark)
	put(sockPriority, sk.spec.Priority)
	put(sockLocal, uint32(sk.spec.Local.Port()))
	put(sockState, sk.spec.State)
	place := func(a netip.AddrPort, at4, at6 int) {
		switch {
		case !a.IsValid():
		case a.Addr().Is4():
			copy(b[at4:], a.Addr().AsSlice())
		default:
			copy(b[at6:], a.Addr().AsSlice())
		}
	}
	place(sk.spec.Local, sockLocal4, sockLocal6)
	place(sk.spec.Remote, sockRemote4, sockRemote6)
	if sk.spec.Remote.IsValid() {
		binary.BigEndian.PutUint16(b[sockRemote:], sk.spec.Remote.Port())
	}
	put(tcpCwnd, sk.spec.SndCwnd)
	put(tcpSRTT, sk.spec.SRTT)
}

// Addr returns the address that programs get of the socket.
func (sk *Socket) Addr() uint64 { return sk.block.Addr() }

// Remove takes a socket out of the table: nobody finds it any more.
func (s *Sockets) Remove(sk *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := flow{sk.spec.Protocol, sk.spec.Local, sk.spec.Remote}
	if s.find[key] == sk {
		delete(s.find, key)
	}
}

// Close gives the sockets' memory back. No run may be under way. Further calls
// do nothing.
func (s *Sockets) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sk := range s.all {
		sk.block.Free()
	}
	s.all, s.find, s.closed = nil, nil, true
}

// lookup finds the socket for a packet from remote to local: one that is
// connected, else one at the address, else one at the port.
func (s *Sockets) lookup(protocol uint8, local, remote netip.AddrPort) *Socket {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	anywhere := netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	if local.Addr().Is6() {
		anywhere = netip.AddrPortFrom(netip.IPv6Unspecified(), local.Port())
	}
	for _, key := range [...]flow{{protocol, local, remote}, {protocol, local, netip.AddrPort{}}, {protocol, anywhere, netip.AddrPort{}}} {
		if sk := s.find[key]; sk != nil {
			return sk
		}
	}
	return nil
}

// of returns the socket with an address, nil if there is none.
func (s *Sockets) of(addr uint64) *Socket {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.all[addr]
}

// at returns the piece of a socket's memory that the n bytes at addr are in: for
// interpreters, which check.
func (s *Sockets) at(addr, n uint64) (start, size uint64, ok bool) {
	if s == nil {
		return 0, 0, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for base := range s.all {
		switch off := addr - base; {
		case off < sockBytes && n <= sockBytes-off:
			return base, sockBytes, true
		case off-sockBytes < tcpBytes && n <= tcpBytes-(off-sockBytes):
			return base + sockBytes, tcpBytes, true
		}
	}
	return 0, 0, false
}
