package helpers

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// Redirect says where a packet goes: to a socket, to an element of a map, or,
// where both are nil, to the device numbered Index. Flags are those of the helper's call, and
// RedirectNeigh and RedirectPeer.
type Redirect struct {
	Map    maps.Map
	Index  uint32
	Flags  uint64
	Socket *Socket
}

// How a packet reaches a device apart from its queue (BPF_F_NEIGH, BPF_F_PEER).
const (
	RedirectIngress = 1 << 0  // as if the device had received it
	RedirectNeigh   = 1 << 16 // with the link header that the neighbour table gives
	RedirectPeer    = 1 << 17 // received by the device's peer in another namespace
)

// Results of an XDP program, and flags of redirect_map (bpf.h).
const (
	xdpAborted      = 0
	xdpRedirect     = 4
	xdpActions      = 3
	broadcast       = 1 << 3
	excludeIngress  = 1 << 4
	redirectTargets = broadcast | excludeIngress
)

// redirectMap notes where the packet goes and returns XDP_REDIRECT, or what the
// flags say where the map has no such element (__bpf_xdp_redirect_map in
// include/linux/filter.h).
func redirectMap(e *Env, args [5]uint64) (uint64, error) {
	s, err := e.find(args[0])
	if err != nil {
		return 0, err
	}
	allowed := uint64(xdpActions)
	switch s.m.Spec().Type {
	case ir.Devmap, ir.DevmapHash:
		allowed |= redirectTargets
	case ir.CPUMap, ir.XSKMap:
	default:
		return 0, wrongKind("redirect_map", s.m)
	}
	index, flags := uint32(args[1]), args[2]
	if flags&^allowed != 0 {
		return xdpAborted, nil
	}
	var key [4]byte
	binary.NativeEndian.PutUint32(key[:], index)
	if flags&broadcast == 0 && s.m.LookupAddr(key[:]) == 0 {
		e.Redirect = Redirect{}
		return flags & xdpActions, nil
	}
	e.Redirect = Redirect{Map: s.m, Index: index, Flags: flags}
	return xdpRedirect, nil
}

// Results of a tc program (TC_ACT_SHOT, TC_ACT_REDIRECT).
const (
	tcShot     = 2
	tcRedirect = 7
)

// redirect notes the device that the packet goes to (bpf_redirect and
// bpf_xdp_redirect in net/core/filter.c). The device is looked for when the
// program has returned.
func redirect(e *Env, args [5]uint64) (uint64, error) {
	index, flags := uint32(args[0]), args[1]
	refused, chosen, allowed := uint64(xdpAborted), uint64(xdpRedirect), uint64(0)
	if e.Packet != nil && e.Packet.Buffer() != nil {
		refused, chosen, allowed = tcShot, tcRedirect, RedirectIngress
	}
	if flags&^allowed != 0 {
		return refused, nil
	}
	e.Redirect = Redirect{Index: index, Flags: flags}
	return chosen, nil
}

// redirectPeer notes the device behind whose back the packet arrives.
func redirectPeer(e *Env, args [5]uint64) (uint64, error) {
	if args[1] != 0 {
		return tcShot, nil
	}
	e.Redirect = Redirect{Index: uint32(args[0]), Flags: RedirectPeer}
	return tcRedirect, nil
}

// neighBytes is the size of struct bpf_redir_neigh.
const neighBytes = 20

// redirectNeigh notes the device, whose neighbour table gives the link header.
func redirectNeigh(e *Env, args [5]uint64) (uint64, error) {
	if n := int32(args[2]); n != 0 && n < neighBytes || args[3] != 0 {
		return tcShot, nil
	}
	e.Redirect = Redirect{Index: uint32(args[0]), Flags: RedirectNeigh}
	return tcRedirect, nil
}

// cloneRedirect hands a copy of the packet to the network: -EINVAL for a flag or
// a device that there is not.
func cloneRedirect(e *Env, args [5]uint64) (uint64, error) {
	b, err := e.buffer("clone_redirect")
	if err != nil {
		return 0, err
	}
	index, flags := uint32(args[1]), args[2]
	if _, ok := e.device(index); !ok || flags&^RedirectIngress != 0 {
		return errno(unix.EINVAL), nil
	}
	if e.Network == nil {
		return 0, nil // the loopback takes it, and nobody listens
	}
	all, _ := bytesOf(b, 0, size(b))
	e.Network.Send(Redirect{Index: index, Flags: flags}, append([]byte{}, all...))
	return 0, nil
}
