package maps

import (
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// RingBuf is a map of kind RINGBUF: programs write records that the application
// reads in their order. max_entries is its size in bytes.
//
// A record is 8 bytes of header, which begins with its length and two bits (the
// program still writes it; it was discarded), and its bytes, filled up to 8. It
// lies in one piece, because the memory behind the ring's end is its beginning
// again. Producers take their place under a lock, as in kernel/bpf/ringbuf.c of
// Linux 6.18, and fill it outside; the reader stops at the first record that is
// not finished, so it sees records in the order in which places were taken.
type RingBuf struct {
	core
	keyless
	data *mem.Block
	base uint64
	mask uint64 // size in bytes - 1

	prod    atomic.Uint64 // bytes that were ever taken; plus taking while a producer takes its place
	pending uint64        // where the oldest record that is being written starts, at most
	_       [cacheLine]byte
	cons    atomic.Uint64 // bytes that were ever read
	waits   atomic.Bool   // the reader is about to sleep
	wake    chan struct{}
	done    chan struct{} // closed by Close

	reading sync.Mutex // held by the reader
	dropped atomic.Uint64
}

// Bits of a record's header, and its size (BPF_RINGBUF_BUSY_BIT,
// BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ).
const (
	RingBusy    = 1 << 31
	RingDiscard = 1 << 30
	RingHeader  = 8
)

// Flags of helpers that end a record, and what Query is asked for (enum in
// bpf.h).
const (
	RingNoWakeup    = 1
	RingForceWakeup = 2

	RingAvailable = 0
	RingSize      = 1
	RingConsumed  = 2
	RingProduced  = 3
)

func newRingBuf(spec *ir.MapSpec) (*RingBuf, error) {
	b, err := mem.AllocRing(int(spec.MaxEntries))
	if err != nil {
		return nil, err
	}
	m := &RingBuf{keyless: keyless{spec}, data: b, base: b.Addr(), mask: uint64(spec.MaxEntries) - 1, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if m.core, err = newCore(spec, 8); err != nil {
		b.Free()
		return nil, err
	}
	m.describe()
	return m, nil
}

// checkRingBuf follows ringbuf_map_alloc.
func checkRingBuf(spec *ir.MapSpec) error {
	n := spec.MaxEntries
	switch {
	case spec.KeySize != 0 || spec.ValueSize != 0:
		return refuse(ErrInvalid, "key and value sizes of a %v are %d and %d, not 0", spec.Type, spec.KeySize, spec.ValueSize)
	case n&(n-1) != 0 || n < 4096:
		return refuse(ErrInvalid, "size %d is no power of 2 from 4096 on", n)
	}
	return nil
}

// Reserve takes room for a record of size bytes and returns the address of its
// first byte, 0 where there is none.
func (m *RingBuf) Reserve(size uint64) uint64 {
	if size > 1<<30 {
		return 0
	}
	n := (size + RingHeader + 7) &^ 7
	if n > m.mask+1 {
		return 0
	}
	start := m.lock()
	m.settle(start)
	next := start + n
	if next-m.cons.Load() > m.mask || next-m.pending > m.mask {
		m.prod.Store(start)
		m.dropped.Add(1)
		return 0
	}
	at := m.base + start&m.mask
	*mem.Ptr64(at) = size | RingBusy
	m.prod.Store(next)
	return at + RingHeader
}

// taking is the lock of producers: a bit of prod, so that moving prod on gives
// the lock back as well. It is held for a few instructions.
const taking = 1

func (m *RingBuf) lock() (prod uint64) {
	for spins := 1; ; spins++ {
		p := m.prod.Load()
		if p&taking == 0 && m.prod.CompareAndSwap(p, p|taking) {
			return p
		}
		if spins%64 == 0 {
			goruntime.Gosched()
		}
	}
}

// produced returns how many bytes were ever taken.
func (m *RingBuf) produced() uint64 { return m.prod.Load() &^ taking }

// settle moves pending over records that are finished: those may be read, and
// their place taken again, though an older one is not. The caller holds the lock.
func (m *RingBuf) settle(prod uint64) {
	for m.pending < prod {
		h := atomic.LoadUint64(mem.Ptr64(m.base + m.pending&m.mask))
		if h&RingBusy != 0 {
			return
		}
		m.pending += recordBytes(h)
	}
}

// recordBytes is what a record takes, by its header.
func recordBytes(header uint64) uint64 {
	return (header&(RingDiscard-1) + RingHeader + 7) &^ 7
}

// Finish ends the record at addr, which Reserve returned: it is shown to the
// reader, or left out.
func (m *RingBuf) Finish(addr, flags uint64, discard bool) {
	at := addr - RingHeader
	if discard {
		DiscardRecord(addr)
	} else {
		atomic.StoreUint64(mem.Ptr64(at), mem.Load64(at)&^RingBusy)
	}
	caughtUp := (at-m.base)&m.mask == m.cons.Load()&m.mask
	if flags&RingForceWakeup != 0 || flags&RingNoWakeup == 0 && caughtUp {
		m.signal()
	}
}

// DiscardRecord is Finish, with RingNoWakeup, of a record that is left out, for
// those that do not know its ring.
func DiscardRecord(addr uint64) {
	at := addr - RingHeader
	atomic.StoreUint64(mem.Ptr64(at), mem.Load64(at)&^RingBusy|RingDiscard)
}

// Wake wakes the reader, if it sleeps: it looks whether a record is finished.
func (m *RingBuf) Wake() { m.signal() }

func (m *RingBuf) signal() {
	if m.waits.Load() {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// Contains reports whether addr lies in the ring.
func (m *RingBuf) Contains(addr uint64) bool { return addr-m.base < 2*(m.mask+1) }

// Output copies a record into the ring (bpf_ringbuf_output); false says that
// there was no room.
func (m *RingBuf) Output(b []byte, flags uint64) bool {
	at := m.Reserve(uint64(len(b)))
	if at == 0 {
		return false
	}
	copy(mem.View(at, len(b)), b)
	m.Finish(at, flags, false)
	return true
}

// Query returns a number about the ring (bpf_ringbuf_query); 0 for an unknown
// question.
func (m *RingBuf) Query(what uint64) uint64 {
	switch what {
	case RingAvailable:
		cons := m.cons.Load()
		return m.produced() - cons
	case RingSize:
		return m.mask + 1
	case RingConsumed:
		return m.cons.Load()
	case RingProduced:
		return m.produced()
	}
	return 0
}

// Dropped returns how many records found no room.
func (m *RingBuf) Dropped() uint64 { return m.dropped.Load() }

// Lookup is refused.
func (m *RingBuf) Lookup([]byte) ([]byte, error) { return nil, m.notKeyed() }

// Update is refused.
func (m *RingBuf) Update([]byte, []byte, uint64) error { return m.notKeyed() }

// Put is refused.
func (m *RingBuf) Put([]byte, []byte, uint64) error { return m.notKeyed() }

// Delete is refused.
func (m *RingBuf) Delete([]byte) error { return m.notKeyed() }

// Remove is refused.
func (m *RingBuf) Remove([]byte) error { return m.notKeyed() }

// NextKey is refused.
func (m *RingBuf) NextKey([]byte) ([]byte, error) { return nil, m.notKeyed() }

func (m *RingBuf) notKeyed() error {
	return fmt.Errorf("%w: a %v has no elements", ErrNotSupported, m.spec.Type)
}

// Close gives the memory back and wakes the reader, which returns ErrClosed.
func (m *RingBuf) Close() error {
	m.mu.Lock()
	was := m.closed
	m.closed = true
	m.mu.Unlock()
	if was {
		return nil
	}
	close(m.done)
	m.reading.Lock() // until the reader has gone
	defer m.reading.Unlock()
	m.data.Free()
	m.block.Free()
	return nil
}
