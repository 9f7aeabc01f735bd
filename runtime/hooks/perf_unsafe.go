package hooks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bpfproof/bpfproof/runtime/mem"
)

// perfRing is the buffer of one event on one processor, which the kernel fills.
type perfRing struct {
	event int
	fd    int
	pages []byte // the control page, and the ring
	ring  []byte
	carry []byte // a record that goes round the ring's end
}

// Offsets in struct perf_event_mmap_page.
const (
	perfHead = 1024
	perfTail = 1032
)

// openPerf opens a tracepoint by its number.
func openPerf(id uint64, event, cpu int, opts *TracerOptions) (*perfRing, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: id, Sample: 1,
		Sample_type: unix.PERF_SAMPLE_TIME | unix.PERF_SAMPLE_CPU | unix.PERF_SAMPLE_RAW,
		Bits:        unix.PerfBitDisabled | unix.PerfBitWatermark | unix.PerfBitUseClockID,
		Wakeup:      uint32(opts.Buffer / 4), Clockid: unix.CLOCK_MONOTONIC}
	pid := opts.PID
	if pid == 0 {
		pid = -1
	}
	fd, err := unix.PerfEventOpen(&attr, pid, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("perf_event_open: %w", err)
	}
	page := os.Getpagesize()
	pages, err := unix.Mmap(fd, 0, page+opts.Buffer, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map buffer of %d bytes: %w", opts.Buffer, err), unix.Close(fd))
	}
	return &perfRing{event: event, fd: fd, pages: pages, ring: pages[page:]}, nil
}

// drain calls f for every sample, whose bytes are f's, and returns how many were
// lost (struct perf_event_header and PERF_RECORD_* in perf_event_open(2)).
func (r *perfRing) drain(f func(time uint64, cpu uint32, raw []byte)) (lost uint64) {
	base := mem.Addr(r.pages)
	head := atomic.LoadUint64(mem.Ptr64(base + perfHead))
	tail := atomic.LoadUint64(mem.Ptr64(base + perfTail))
	for tail < head {
		const header = 8
		h := u64At(r.at(tail, header), 0)
		kind, size := uint32(h), h>>48
		if size < header || size > head-tail {
			break // never in a buffer that only the kernel writes
		}
		b := r.at(tail, int(size))[header:]
		tail += size
		switch {
		case kind == unix.PERF_RECORD_SAMPLE && len(b) >= 20:
			n := binary.NativeEndian.Uint32(b[16:])
			if int(n) <= len(b)-20 {
				f(u64At(b, 0), binary.NativeEndian.Uint32(b[8:]), append([]byte{}, b[20:20+n]...))
			}
		case kind == unix.PERF_RECORD_LOST && len(b) >= 16:
			lost += u64At(b, 8)
		}
	}
	atomic.StoreUint64(mem.Ptr64(base+perfTail), tail)
	return lost
}

// at returns n bytes at a position, in one piece.
func (r *perfRing) at(pos uint64, n int) []byte {
	off := int(pos % uint64(len(r.ring)))
	if off+n <= len(r.ring) {
		return r.ring[off : off+n]
	}
	r.carry = append(append(r.carry[:0], r.ring[off:]...), r.ring[:off+n-len(r.ring)]...)
	return r.carry
}

func (r *perfRing) close() error { return errors.Join(unix.Munmap(r.pages), unix.Close(r.fd)) }
