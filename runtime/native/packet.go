package native

import (
	"errors"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// errNoContext says that LD_ABS and LD_IND did not find the context where they
// take it from.
var errNoContext = errors.New("r6 does not hold the context")

// Negative offsets of LD_ABS and LD_IND count from the network header
// (SKF_NET_OFF) or the link header (SKF_LL_OFF), as
// bpf_internal_load_pointer_neg_helper in kernel/bpf/core.c of Linux 6.18 reads
// them.
const (
	netOffset  = -0x100000
	linkOffset = -0x200000
)

// outside is what a load from outside of the packet gives.
const outside = ^uint64(0)

// loadPacket returns n bytes of the packet in network order as a number, or
// outside.
func (r *Run) loadPacket(ctx uint64, off int64, n uint64) (uint64, error) {
	if r.frame == nil {
		return 0, errNoContext
	}
	if at, _ := r.frame.Args(); at != ctx {
		return 0, errNoContext
	}
	start, end := r.frame.Bounds()
	link, network := r.frame.Headers()
	switch {
	case off < linkOffset:
		return outside, nil
	case off < netOffset:
		start, off = link, off-linkOffset
	case off < 0:
		start, off = network, off-netOffset
	}
	if size := end - start; uint64(off) >= size || n > size-uint64(off) {
		return outside, nil
	}
	x := uint64(0)
	for _, b := range mem.View(start+uint64(off), int(n)) {
		x = x<<8 | uint64(b)
	}
	return x, nil
}
