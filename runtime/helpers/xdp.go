package helpers

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The helpers of XDP programs (net/core/filter.c of Linux 6.18). Packets have
// no fragments.

func xdpAdjustHead(e *Env, args [5]uint64) (uint64, error) {
	return adjust(e, "xdp_adjust_head", args, Packet.AdjustHead)
}

func xdpAdjustTail(e *Env, args [5]uint64) (uint64, error) {
	return adjust(e, "xdp_adjust_tail", args, Packet.AdjustTail)
}

func xdpAdjustMeta(e *Env, args [5]uint64) (uint64, error) {
	return adjust(e, "xdp_adjust_meta", args, Packet.AdjustMeta)
}

// xdpGetBuffLen returns the packet's length.
func xdpGetBuffLen(e *Env, _ [5]uint64) (uint64, error) {
	if e.Packet == nil {
		return 0, fmt.Errorf("helpers: xdp_get_buff_len: the run has no packet")
	}
	return size(e.Packet), nil
}

// mostXDP is the greatest offset and length of a copy.
const mostXDP = 0xffff

// xdpPiece returns the bytes of the packet that a copy is of: -EFAULT beyond the
// limits, -EINVAL beyond the packet's end.
func xdpPiece(e *Env, helper string, args [5]uint64) ([]byte, unix.Errno, error) {
	off, n := uint64(uint32(args[1])), uint64(uint32(args[3]))
	if e.Packet == nil {
		return nil, 0, fmt.Errorf("helpers: %s: the run has no packet", helper)
	}
	if off > mostXDP || n > mostXDP {
		return nil, unix.EFAULT, nil
	}
	b, ok := bytesOf(e.Packet, off, n)
	if !ok {
		return nil, unix.EINVAL, nil
	}
	return b, 0, nil
}

func xdpLoadBytes(e *Env, args [5]uint64) (uint64, error) {
	piece, errs, err := xdpPiece(e, "xdp_load_bytes", args)
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	out, err := e.Memory.Write(args[2], len(piece))
	copy(out, piece)
	return 0, err
}

func xdpStoreBytes(e *Env, args [5]uint64) (uint64, error) {
	piece, errs, err := xdpPiece(e, "xdp_store_bytes", args)
	if err != nil || errs != 0 {
		return errno(errs), err
	}
	in, err := e.Memory.Read(args[2], len(piece))
	copy(piece, in)
	return 0, err
}
