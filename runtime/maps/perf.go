package maps

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/bpfproof/bpfproof/ir"
	"github.com/bpfproof/bpfproof/runtime/mem"
)

// Perf is a map of kind PERF_EVENT_ARRAY: a buffer for each processor, which
// programs write samples to and the application reads. A buffer is a ring of
// its own, made when the application opens it; before, samples are refused, as
// with an element of the kernel that holds no event.
type Perf struct {
	core
	slots []atomic.Pointer[RingBuf]

	gone sync.Mutex
	old  []*RingBuf // taken out: programs may still write to them
}

func newPerf(spec *ir.MapSpec) (*Perf, error) {
	m := &Perf{slots: make([]atomic.Pointer[RingBuf], spec.MaxEntries)}
	var err error
	m.core, err = newCore(spec, 8)
	return m, err
}

// Open makes a buffer of at least the given size in bytes for a processor;
// ErrKeyExist if it has one. The map closes it, nobody else: programs may be
// writing to it.
func (m *Perf) Open(cpu uint32, bytes uint32) (*RingBuf, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.leave()
	if cpu >= uint32(len(m.slots)) {
		return nil, fmt.Errorf("%w: index %d, max_entries %d", ErrTooBig, cpu, m.spec.MaxEntries)
	}
	if bytes > 1<<30 {
		return nil, fmt.Errorf("%w: buffer of %d bytes", ErrTooBig, bytes)
	}
	size := uint32(1) << bits.Len32(max(bytes, 4096)-1)
	r, err := newRingBuf(&ir.MapSpec{Name: m.spec.Name, Type: ir.RingBuf, MaxEntries: size})
	if err != nil {
		return nil, err
	}
	if !m.slots[cpu].CompareAndSwap(nil, r) {
		r.Close()
		return nil, ErrKeyExist
	}
	return r, nil
}

// Output writes a sample to the buffer at index, on processor cpu
// (__bpf_perf_event_output in kernel/trace/bpf_trace.c of Linux 6.18). The parts
// follow each other. A full buffer counts the sample as dropped.
func (m *Perf) Output(index, cpu uint32, parts ...[]byte) error {
	if index >= uint32(len(m.slots)) {
		return ErrTooBig
	}
	r := m.slots[index].Load()
	switch {
	case r == nil:
		return ErrKeyNotExist
	case index != cpu:
		return ErrNotSupported
	}
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	at := r.Reserve(uint64(size))
	if at == 0 {
		return ErrNoRoom
	}
	out := mem.View(at, size)
	for _, p := range parts {
		out = out[copy(out, p):]
	}
	r.Finish(at, 0, false)
	return nil
}

// ReadAny returns the next sample of any buffer without waiting, and the
// processor that wrote it.
func (m *Perf) ReadAny() (sample []byte, cpu uint32, ok bool) {
	for i := range m.slots {
		if r := m.slots[i].Load(); r != nil {
			if b, ok, err := r.TryRead(); ok && err == nil {
				return b, uint32(i), true
			}
		}
	}
	return nil, 0, false
}

// Read waits for the next sample of a processor.
func (m *Perf) Read(ctx context.Context, cpu uint32) ([]byte, error) {
	if cpu >= uint32(len(m.slots)) || m.slots[cpu].Load() == nil {
		return nil, ErrKeyNotExist
	}
	return m.slots[cpu].Load().Read(ctx)
}

// Region is empty: events have no address.
func (m *Perf) Region() Region { return Region{} }

// LookupAddr returns 0: programs look nothing up here.
func (m *Perf) LookupAddr([]byte) uint64 { return 0 }

// Lookup is refused, as in the kernel.
func (m *Perf) Lookup([]byte) ([]byte, error) {
	return nil, fmt.Errorf("%w: elements of a %v are not read", ErrNotSupported, m.spec.Type)
}

// Update is refused: a buffer is no bytes, see Open.
func (m *Perf) Update([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: a %v takes buffers, not bytes", ErrInvalid, m.spec.Type)
}

// Put is refused: programs change nothing here.
func (m *Perf) Put([]byte, []byte, uint64) error {
	return fmt.Errorf("%w: programs do not change a %v", ErrInvalid, m.spec.Type)
}

// Remove is refused: programs change nothing here.
func (m *Perf) Remove([]byte) error { return m.Put(nil, nil, 0) }

// Delete takes the buffer at key out. Its reader may read what is in it; the
// memory goes with the map.
func (m *Perf) Delete(key []byte) error {
	if err := checkKey(m.spec, key); err != nil {
		return err
	}
	if err := m.enterWrite(); err != nil {
		return err
	}
	defer m.leave()
	i := binary.NativeEndian.Uint32(key)
	if i >= uint32(len(m.slots)) {
		return ErrTooBig
	}
	r := m.slots[i].Swap(nil)
	if r == nil {
		return ErrKeyNotExist
	}
	m.gone.Lock()
	defer m.gone.Unlock()
	m.old = append(m.old, r)
	return nil
}

// NextKey goes over all indices, as that of an array does.
func (m *Perf) NextKey(key []byte) ([]byte, error) { return nextIndex(m.spec, key) }

// Batch is refused: elements are not read.
func (m *Perf) Batch(uint64, int) ([]ir.MapElem, uint64, error) {
	return nil, 0, fmt.Errorf("%w: elements of a %v are not read", ErrNotSupported, m.spec.Type)
}

// Close closes the buffers too.
func (m *Perf) Close() error {
	for i := range m.slots {
		if r := m.slots[i].Swap(nil); r != nil {
			r.Close()
		}
	}
	m.gone.Lock()
	defer m.gone.Unlock()
	for _, r := range m.old {
		r.Close()
	}
	m.old = nil
	return m.core.Close()
}
