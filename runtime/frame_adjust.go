package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// AdjustHead moves the packet's start by delta bytes, as bpf_xdp_adjust_head
// does, and its metadata with it: it returns -EINVAL where less than an Ethernet
// header would remain or the headroom would be used up.
func (f *Frame) AdjustHead(delta int32) int64 {
	start, meta := f.start+uint64(int64(delta)), f.start-f.meta
	if f.form != packetForm || start < f.data.Addr()+xdpFrame+meta || start+ethHeader > f.end {
		return -int64(unix.EINVAL)
	}
	copy(mem.View(start-meta, int(meta)), mem.View(f.meta, int(meta)))
	f.start, f.meta = start, start-meta
	f.low = min(f.low, f.meta)
	f.point()
	return 0
}

// AdjustTail moves the packet's end by delta bytes, as bpf_xdp_adjust_tail
// does: bytes that are added are zero, and -EINVAL is returned where less than
// an Ethernet header would remain or the tailroom is too small.
func (f *Frame) AdjustTail(delta int32) int64 {
	end := f.end + uint64(int64(delta))
	if f.form != packetForm || end > f.hard || end < f.start+ethHeader {
		return -int64(unix.EINVAL)
	}
	if delta > 0 {
		clear(mem.View(f.end, int(delta)))
	}
	f.end = end
	f.point()
	return 0
}

// AdjustMeta moves the start of the metadata before the packet by delta bytes,
// as bpf_xdp_adjust_meta does: -EINVAL outside of the headroom, -EACCES for a
// size that is no multiple of 4 or more than 255.
func (f *Frame) AdjustMeta(delta int32) int64 {
	meta := f.meta + uint64(int64(delta))
	if f.form != packetForm || meta < f.data.Addr()+xdpFrame || meta > f.start {
		return -int64(unix.EINVAL)
	}
	if n := f.start - meta; n > mostMeta || n%4 != 0 {
		return -int64(unix.EACCES)
	}
	f.meta, f.low = meta, min(f.low, meta)
	f.point()
	return 0
}
